extension ManualPage {
    static let configuration =
        ".SH CONFIGURATION\n"
        + paragraphs([
            """
            Defaults of options and named peers stand in a JSON file: that of --config, else of DCMSCU_CONFIG, else \
            dcmscu/config.json in XDG_CONFIG_HOME or ~/.config. An example:
            """
        ]) + """
            .PP
            .nf
            .RS 4
            {
              "defaults": { "aetitle": "STATION", "find": { "format": "table" } },
              "nodes": {
                "pacs1": { "host": "pacs.example.org", "port": 11112,
                           "called": "ARCHIVE", "connect\\-timeout": 5,
                           "tls": true, "tls\\-ca": "/etc/ssl/pacs.pem" }
              }
            }
            .RE
            .fi

            """
        + ".PP\n"
        + paragraphs([
            """
            A node is named @pacs1 wherever a HOST may stand; an echo takes several. Keys are the long names of options; host, \
            called and calling are other names for hostname, call and aetitle. A switch is true or false; an option that may be \
            given several times takes an array. In "defaults" an operation's name holds what is for that operation alone.
            """,
            """
            The command line wins over the node, the node over the defaults of the operation, these over the defaults of all. \
            What an operation cannot use is passed over. Any key or value that is wrong is an error with its line, and nothing is \
            sent. Passwords do not stand in the file: options that need one take env:NAME or file:PATH. --show-config prints what \
            is in force and where each value came from.
            """,
        ])

    static let patientData =
        ".SH PATIENT DATA\n"
        + paragraphs([
            """
            Messages and logs show no values of group 0010, no accession numbers and no names of persons, at no level and in no \
            text of a server, unless --log-phi is given; *** stands for them. A received file whose path was made of such values \
            by --name is shown by the pattern. Names of files that you give are shown, but for what looks like a person's name \
            in them, as messages would be of no use otherwise. Results on the standard output are what was asked for, and whole.
            """
        ])
}
