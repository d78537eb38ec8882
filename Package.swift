// swift-tools-version: 6.3

import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

/// The libraries of regular expressions and of tasks, with libdispatch, are not linked, since nothing imports them: they
/// would be an eighth of the start. Threads are those of POSIX, clocks System's, words are found by
/// `contains` and `firstRange(of:)` of DICOM.
let sourceSettings =
    settings + [
        .unsafeFlags([
            "-Xfrontend", "-disable-implicit-string-processing-module-import", "-Xfrontend",
            "-disable-implicit-concurrency-module-import",
        ]),
        // Each function by itself, for the order below. Types are made by a function each and not from their names, which the
        // runtime would read, letter by letter, at the first use of each: a quarter of the instructions of a C-ECHO.
        .unsafeFlags(
            [
                "-Xfrontend", "-function-sections", "-Xfrontend",
                "-disable-concrete-type-metadata-mangled-name-accessors",
            ], .when(configuration: .release)),
        // The same bytes in whatever folder a release is built.
        .unsafeFlags(["-file-prefix-map", "\(Context.packageDirectory)=."], .when(configuration: .release)),
    ]

let sourceSettingsOfC = [
    CSetting.unsafeFlags(["-ffile-prefix-map=\(Context.packageDirectory)=."], .when(configuration: .release))
]

/// What scripts/build says of a build, for `--version`.
let buildSettings = ["DCMSCU_COMMIT", "DCMSCU_COMPILER"].compactMap { name in
    Context.environment[name].map { CSetting.define(name, to: "\"\($0)\"") }
}

/// A release binary must run on a machine without the Swift toolchain and without a C++ library, and start fast: what is
/// linked in is not searched for, and what is not exported needs no symbol. scripts/linking makes the static library of
/// the toolchain's `-lstdc++`, and leaves out its `-lm`, whose functions CLoader has; its file `order`, which
/// scripts/order-functions makes, puts the functions that every run begins with
/// side by side.
let releaseLinking = [
    "-static-stdlib", "-use-ld=lld", "-L\(Context.packageDirectory)/scripts/linking",
    "-Xclang-linker", "-static-libgcc", "-Xlinker", "--no-export-dynamic", "-Xlinker", "-z", "-Xlinker", "now",
    "-Xlinker", "--symbol-ordering-file=\(Context.packageDirectory)/scripts/linking/order", "-Xlinker",
    "--no-warn-symbol-ordering",
]

// Imports run one way only: System and DICOM <- DICOMProtocol <- DICOMNode <- DICOMweb, PracticeArchive <- CommandLineInterface <- dcmscu.
let package = Package(
    name: "dcmscu",
    products: [.executable(name: "dcmscu", targets: ["dcmscu"])],
    traits: [
        .default(enabledTraits: ["TLS", "DICOMweb"]),
        .trait(name: "TLS", description: "TLS for every operation, by the system's OpenSSL."),
        .trait(name: "DICOMweb", description: "DICOMweb, by the system's libcurl, which is opened when it is needed."),
    ],
    targets: [
        .systemLibrary(name: "CIconv"),
        // Libraries that are opened at their first use, and not linked; in a release libm is one of them.
        .target(
            name: "CLoader",
            cSettings: sourceSettingsOfC + [.define("CLOADER_MATHEMATICS", .when(configuration: .release))]),
        .target(name: "CZlib", dependencies: ["CLoader"], cSettings: sourceSettingsOfC),
        .target(name: "COpenSSL", dependencies: ["CLoader"], cSettings: sourceSettingsOfC),
        .target(name: "CBuild", cSettings: sourceSettingsOfC + buildSettings),
        .target(name: "CProcess", cSettings: sourceSettingsOfC),
        .systemLibrary(name: "CCurl"),
        .target(name: "System", dependencies: ["CProcess"], swiftSettings: sourceSettings),
        .target(name: "DICOM", dependencies: ["CZlib", "CIconv"], swiftSettings: sourceSettings),
        .target(name: "DICOMProtocol", dependencies: ["DICOM"], swiftSettings: sourceSettings),
        .target(
            name: "DICOMNode",
            dependencies: [
                "System", "DICOM", "DICOMProtocol", .target(name: "COpenSSL", condition: .when(traits: ["TLS"])),
            ],
            swiftSettings: sourceSettings),
        .target(
            name: "DICOMweb",
            dependencies: [
                "System", "DICOM", "DICOMProtocol", "DICOMNode",
                .target(name: "CCurl", condition: .when(traits: ["DICOMweb"])),
                .target(name: "CLoader", condition: .when(traits: ["DICOMweb"])),
            ],
            swiftSettings: sourceSettings),
        .target(
            name: "PracticeArchive", dependencies: ["System", "DICOM", "DICOMProtocol", "DICOMNode"],
            swiftSettings: sourceSettings),
        .target(
            name: "CommandLineInterface",
            dependencies: [
                "System", "DICOM", "DICOMProtocol", "DICOMNode", "DICOMweb", "PracticeArchive", "CBuild", "CProcess",
            ],
            swiftSettings: sourceSettings),
        .executableTarget(
            name: "dcmscu", dependencies: ["CommandLineInterface"], swiftSettings: sourceSettings,
            linkerSettings: [.unsafeFlags(releaseLinking, .when(configuration: .release))]),
        // What several test targets use: scripted peers, sample instances, temporary folders.
        .testTarget(
            name: "TestSupport", dependencies: ["System", "DICOM", "DICOMProtocol", "DICOMNode"],
            swiftSettings: settings),
        .testTarget(name: "SystemTests", dependencies: ["System"], swiftSettings: settings),
        .testTarget(name: "DICOMTests", dependencies: ["DICOM"], swiftSettings: settings),
        .testTarget(name: "DICOMProtocolTests", dependencies: ["DICOMProtocol", "DICOM"], swiftSettings: settings),
        .testTarget(
            name: "DICOMNodeTests", dependencies: ["DICOMNode", "DICOMProtocol", "DICOM", "System", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "DICOMwebTests",
            dependencies: ["DICOMweb", "DICOMNode", "DICOMProtocol", "DICOM", "System", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "PracticeArchiveTests",
            dependencies: ["PracticeArchive", "DICOMNode", "DICOMProtocol", "DICOM", "System", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "CommandLineInterfaceTests",
            dependencies: [
                "CommandLineInterface", "DICOMweb", "PracticeArchive", "DICOMNode", "DICOMProtocol", "DICOM", "System",
                "TestSupport",
            ],
            swiftSettings: settings),
        // The tables of what hostile peers do hold the whole: what a person is told, and the exit code.
        .testTarget(
            name: "HostilePeerTests",
            dependencies: [
                "CommandLineInterface", "DICOMNode", "DICOMProtocol", "DICOM", "System", "TestSupport",
            ],
            swiftSettings: settings),
    ]
)
