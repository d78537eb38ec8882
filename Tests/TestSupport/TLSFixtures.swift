/// Certificates and keys for tests, EC P-256, made once with `openssl ca`; they protect nothing.
package enum TLSFixtures {
    /// The authority that is believed.
    package static let authority = """
        -----BEGIN CERTIFICATE-----
        MIIBmjCCAT+gAwIBAgIUTYX81pVEEFOvoajR0MlWaulUQrcwCgYIKoZIzj0EAwIw
        GTEXMBUGA1UEAwwOZGNtc2N1IHRlc3QgY2EwIBcNMjYxMTIxMDMwODMwWhgPMjEy
        NjEwMjgwMzA4MzBaMBkxFzAVBgNVBAMMDmRjbXNjdSB0ZXN0IGNhMFkwEwYHKoZI
        zj0CAQYIKoZIzj0DAQcDQgAEB5Mr3wFwPB68F9p6dtUU4PgyJ3ETwhfTyx6IXJK+
        MOIEQIIrLrmp/3WDGu0xrA4gl4Ht2dklmTT6rgGcwty2SaNjMGEwHQYDVR0OBBYE
        FGcqUafOWwW7Ewa9KhQaAneZ9t+TMB8GA1UdIwQYMBaAFGcqUafOWwW7Ewa9KhQa
        AneZ9t+TMA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgEGMAoGCCqGSM49
        BAMCA0kAMEYCIQDX/eXjMP2tjXYo7ow/xqCqEYQhJ1PmoKXbImK7882B7QIhAI3Q
        KPLls39706oDxDWGoMlqmqoGHB932Qg9HxWVg8Np
        -----END CERTIFICATE-----

        """

    /// For localhost, 127.0.0.1 and ::1, until 2120.
    package static let server = """
        -----BEGIN CERTIFICATE-----
        MIIBmDCCAT+gAwIBAgIBATAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5kY21zY3Ug
        dGVzdCBjYTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowFDESMBAG
        A1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEvSIeP+GU
        kdsm0Dt9OmF8Ua2Cb6Y/b3U8Bs6t2W7/XWOPWdIc3K38r78Ku+kShcOoM7dPvV62
        F6NJ4dKXl9xyEaN7MHkwCQYDVR0TBAIwADAsBgNVHREEJTAjgglsb2NhbGhvc3SH
        BH8AAAGHEAAAAAAAAAAAAAAAAAAAAAEwHQYDVR0OBBYEFB92UKjW+Qxn1v4NOpoF
        kNyIE8PuMB8GA1UdIwQYMBaAFGcqUafOWwW7Ewa9KhQaAneZ9t+TMAoGCCqGSM49
        BAMCA0cAMEQCICvbK+rpmMyyO73vxMWE5jBN+sOzVMYlHdCXd2+FXOEJAiA03W8l
        NHXlF94ZrAy02+J0Bk8Z9vLZ+K86HG7yFu3+7w==
        -----END CERTIFICATE-----

        """

    /// Until 2001.
    package static let expired = """
        -----BEGIN CERTIFICATE-----
        MIIBlzCCAT2gAwIBAgIBAjAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5kY21zY3Ug
        dGVzdCBjYTAeFw0wMDAxMDEwMDAwMDBaFw0wMTAxMDEwMDAwMDBaMBQxEjAQBgNV
        BAMMCWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABL0iHj/hlJHb
        JtA7fTphfFGtgm+mP291PAbOrdlu/11jj1nSHNyt/K+/CrvpEoXDqDO3T71ethej
        SeHSl5fcchGjezB5MAkGA1UdEwQCMAAwLAYDVR0RBCUwI4IJbG9jYWxob3N0hwR/
        AAABhxAAAAAAAAAAAAAAAAAAAAABMB0GA1UdDgQWBBQfdlCo1vkMZ9b+DTqaBZDc
        iBPD7jAfBgNVHSMEGDAWgBRnKlGnzlsFuxMGvSoUGgJ3mfbfkzAKBggqhkjOPQQD
        AgNIADBFAiEAhqdJHRd4OUBIxEPxqZWUKD5Yex/tUsndcL+ydjr0efcCIFobFu4+
        FZ6d3A3FSIM3d61Bvm2HpsgWYaF6JjCJDlxn
        -----END CERTIFICATE-----

        """

    /// From 2100 on.
    package static let early = """
        -----BEGIN CERTIFICATE-----
        MIIBmjCCAUGgAwIBAgIBAzAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5kY21zY3Ug
        dGVzdCBjYTAiGA8yMTAwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAUMRIw
        EAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAS9Ih4/
        4ZSR2ybQO306YXxRrYJvpj9vdTwGzq3Zbv9dY49Z0hzcrfyvvwq76RKFw6gzt0+9
        XrYXo0nh0peX3HIRo3sweTAJBgNVHRMEAjAAMCwGA1UdEQQlMCOCCWxvY2FsaG9z
        dIcEfwAAAYcQAAAAAAAAAAAAAAAAAAAAATAdBgNVHQ4EFgQUH3ZQqNb5DGfW/g06
        mgWQ3IgTw+4wHwYDVR0jBBgwFoAUZypRp85bBbsTBr0qFBoCd5n235MwCgYIKoZI
        zj0EAwIDRwAwRAIgY8dRfs4fZ041MG5oFYeriDapANh4uTgc/qOT5FOFVNkCIHiT
        zn0rHzhm+wnOc9xAJhVUvMHBTibAh/5I2LHDEU6x
        -----END CERTIFICATE-----

        """

    /// For pacs.example and 192.0.2.1.
    package static let otherName = """
        -----BEGIN CERTIFICATE-----
        MIIBjTCCATOgAwIBAgIBBDAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5kY21zY3Ug
        dGVzdCBjYTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowFzEVMBMG
        A1UEAwwMcGFjcy5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEvSIe
        P+GUkdsm0Dt9OmF8Ua2Cb6Y/b3U8Bs6t2W7/XWOPWdIc3K38r78Ku+kShcOoM7dP
        vV62F6NJ4dKXl9xyEaNsMGowCQYDVR0TBAIwADAdBgNVHREEFjAUggxwYWNzLmV4
        YW1wbGWHBMAAAgEwHQYDVR0OBBYEFB92UKjW+Qxn1v4NOpoFkNyIE8PuMB8GA1Ud
        IwQYMBaAFGcqUafOWwW7Ewa9KhQaAneZ9t+TMAoGCCqGSM49BAMCA0gAMEUCIQDB
        xdlUqHt4Fj6oZ3UdreECiajb5rONXHSAgm4se2je0QIgc8UDldrz7H7aReaBqYfk
        AbM58nmtpH//UiSq0Od8MZc=
        -----END CERTIFICATE-----

        """

    /// From an authority that nobody believes.
    package static let foreign = """
        -----BEGIN CERTIFICATE-----
        MIIBnzCCAUagAwIBAgIBBTAKBggqhkjOPQQDAjAgMR4wHAYDVQQDDBVkY21zY3Ug
        dGVzdCBmb3JlaWduY2EwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBa
        MBQxEjAQBgNVBAMMCWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA
        BL0iHj/hlJHbJtA7fTphfFGtgm+mP291PAbOrdlu/11jj1nSHNyt/K+/CrvpEoXD
        qDO3T71ethejSeHSl5fcchGjezB5MAkGA1UdEwQCMAAwLAYDVR0RBCUwI4IJbG9j
        YWxob3N0hwR/AAABhxAAAAAAAAAAAAAAAAAAAAABMB0GA1UdDgQWBBQfdlCo1vkM
        Z9b+DTqaBZDciBPD7jAfBgNVHSMEGDAWgBRJuR6hxGIPN3T0HYGi9IUcjDYi+DAK
        BggqhkjOPQQDAgNHADBEAiBhy0mt0vZakP+k83wd93NsJCDS5vm8cYz6zLAuzN6E
        awIgLDS+kC5ymUyiW3nA3RcO+l8I6LOYfK5Dt5EmpmeO7FY=
        -----END CERTIFICATE-----

        """

    /// By itself.
    package static let selfSigned = """
        -----BEGIN CERTIFICATE-----
        MIIBrzCCAVSgAwIBAgIUArUfwzmY2BTk3PdGlfiB8O1CTwIwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTAzMDgzMFoYDzIxMjYxMDI4
        MDMwODMwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAAS9Ih4/4ZSR2ybQO306YXxRrYJvpj9vdTwGzq3Zbv9dY49Z0hzcrfyv
        vwq76RKFw6gzt0+9XrYXo0nh0peX3HIRo4GBMH8wHQYDVR0OBBYEFB92UKjW+Qxn
        1v4NOpoFkNyIE8PuMB8GA1UdIwQYMBaAFB92UKjW+Qxn1v4NOpoFkNyIE8PuMA8G
        A1UdEwEB/wQFMAMBAf8wLAYDVR0RBCUwI4IJbG9jYWxob3N0hwR/AAABhxAAAAAA
        AAAAAAAAAAAAAAABMAoGCCqGSM49BAMCA0kAMEYCIQDZAJcOG/gd825vKIdE2QUZ
        PJZNFldyw+4o/xRvyuwCkQIhANaMpHKz6ylmSN0kDgghutMCbFJm8KGhvWh0jXxQ
        eOn7
        -----END CERTIFICATE-----

        """

    /// Of a client.
    package static let client = """
        -----BEGIN CERTIFICATE-----
        MIIBdTCCARqgAwIBAgIBBjAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5kY21zY3Ug
        dGVzdCBjYTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowHTEbMBkG
        A1UEAwwSZGNtc2N1IHRlc3QgY2xpZW50MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD
        QgAEYLkMourLEk+BayjemSmZOIwIlUtxCqQMjcfy87DY5asyu+JB7AlMMtV5tao5
        Hh+lwPBzK7nxwjmPuJdzxZ5GoqNNMEswCQYDVR0TBAIwADAdBgNVHQ4EFgQUCZUq
        1fzbewkg60YDO5uMQFfSBwYwHwYDVR0jBBgwFoAUZypRp85bBbsTBr0qFBoCd5n2
        35MwCgYIKoZIzj0EAwIDSQAwRgIhAKxe9MkYvJC1hGxaZTpRwtefQQiFmT/EM88N
        Buo7VBFsAiEAvU0ADD1d0iysUyHRIym4NSDzDvhrQ7pO5kcdxMIS51U=
        -----END CERTIFICATE-----

        """

    /// Of a client, from an authority that nobody believes.
    package static let foreignClient = """
        -----BEGIN CERTIFICATE-----
        MIIBfDCCASGgAwIBAgIBBzAKBggqhkjOPQQDAjAgMR4wHAYDVQQDDBVkY21zY3Ug
        dGVzdCBmb3JlaWduY2EwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBa
        MB0xGzAZBgNVBAMMEmRjbXNjdSB0ZXN0IGNsaWVudDBZMBMGByqGSM49AgEGCCqG
        SM49AwEHA0IABGC5DKLqyxJPgWso3pkpmTiMCJVLcQqkDI3H8vOw2OWrMrviQewJ
        TDLVebWqOR4fpcDwcyu58cI5j7iXc8WeRqKjTTBLMAkGA1UdEwQCMAAwHQYDVR0O
        BBYEFAmVKtX823sJIOtGAzubjEBX0gcGMB8GA1UdIwQYMBaAFEm5HqHEYg83dPQd
        gaL0hRyMNiL4MAoGCCqGSM49BAMCA0kAMEYCIQD+I+XLMYfZ7fibWKuvFfyL1aO4
        olCitHKtFAu5oF/4uQIhALbuAvXb1lwGe3q0y7DPSiUqUMEHpVjObUjFsRuXFMZK
        -----END CERTIFICATE-----

        """

    /// Of all certificates of servers.
    package static let serverKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg3eywkCdEAXdcYKft
        WEaC8IJYyj60+5FkTXJbH69Vsb+hRANCAAS9Ih4/4ZSR2ybQO306YXxRrYJvpj9v
        dTwGzq3Zbv9dY49Z0hzcrfyvvwq76RKFw6gzt0+9XrYXo0nh0peX3HIR
        -----END PRIVATE KEY-----

        """

    /// Of both certificates of clients.
    package static let clientKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgU0lDFv5aziuU0KFX
        ID9hF5ty+CTDFyyVdF3chA8eiMGhRANCAARguQyi6ssST4FrKN6ZKZk4jAiVS3EK
        pAyNx/LzsNjlqzK74kHsCUwy1Xm1qjkeH6XA8HMrufHCOY+4l3PFnkai
        -----END PRIVATE KEY-----

        """

    /// The same, its password is "secret".
    package static let encryptedClientKey = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAh9nI9IrGA+oQICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEHxbW/mSaeAM6/IoTPc5x34EgZCy
        onwiUTaeiP3TTjxtFZudyGx74pV6aYk66yV3C/JkrrXIJIZgFXeynVwtCwfNfvdh
        y45XdYD6I28m4yxoIls66ZV61Esz6jVyQSUkoJOdLv1NMlyyVor8FDDrz7gKCnOv
        HmA2un6tNo/10nN1N+dlYknEVrs/D1CBcqIYYvzSFQs6G+O3Zc9+FQV2ydQjakU=
        -----END ENCRYPTED PRIVATE KEY-----

        """

    /// SHA-256 of `selfSigned`, as `openssl x509 -fingerprint` prints it.
    package static let selfSignedFingerprint =
        "98:80:AA:23:4C:11:FF:BF:E9:CB:C2:B6:0C:80:F8:5F:D2:54:D3:19:EB:24:F2:E4:E5:22:E2:F1:D6:8E:AD:8F"
}
