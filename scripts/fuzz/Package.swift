// swift-tools-version: 6.3

import PackageDescription

// A package beside the program's, so that its flags stay out of there. The sources are the program's, by links.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    // Optimised, because a debug build tries a tenth as much; assertions and checks of overflow stay, and say what they found.
    .unsafeFlags(["-sanitize=fuzzer,address", "-enable-testing", "-assert-config", "Debug"]),
]

let package = Package(
    name: "fuzz",
    targets: [
        .systemLibrary(name: "CIconv"),
        .target(name: "CLoader"),
        .target(name: "CBuild"),
        .target(name: "CProcess"),
        .target(name: "CZlib", dependencies: ["CLoader"]),
        .target(name: "System", dependencies: ["CProcess"], swiftSettings: settings),
        .target(name: "DICOM", dependencies: ["CZlib", "CIconv"], swiftSettings: settings),
        .target(name: "DICOMProtocol", dependencies: ["DICOM"], swiftSettings: settings),
        .target(name: "DICOMNode", dependencies: ["System", "DICOM", "DICOMProtocol"], swiftSettings: settings),
        .target(
            name: "DICOMweb", dependencies: ["System", "DICOM", "DICOMProtocol", "DICOMNode"], swiftSettings: settings),
        .target(
            name: "PracticeArchive", dependencies: ["System", "DICOM", "DICOMProtocol", "DICOMNode"],
            swiftSettings: settings),
        .target(
            name: "CommandLineInterface",
            dependencies: [
                "System", "DICOM", "DICOMProtocol", "DICOMNode", "DICOMweb", "PracticeArchive", "CBuild", "CProcess",
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "CommandLineInterface", "PracticeArchive", "DICOMweb", "DICOMNode", "DICOMProtocol", "DICOM", "System",
            ],
            swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])]),
    ]
)
