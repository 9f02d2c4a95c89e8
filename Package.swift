// swift-tools-version: 6.2
import PackageDescription

// The core decides and touches nothing; the shells touch the world and decide nothing.
// Arrows point down only: README.md, "How the house is laid out". The build refuses an import that
// is not declared here (--explicit-target-dependency-import-check error), and HouseTests refuses
// Foundation, clocks, randomness and async in the core.

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
]

func core(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func shell(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

let package = Package(
    name: "tandem",
    products: [
        .executable(name: "tandem", targets: ["tandem"]),
        .library(
            name: "TandemCore", targets: ["SIP", "SDP", "Dialplan", "Charging", "Switching"]),
        .library(name: "TandemStore", targets: ["Store"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        // Core: the standard library alone.
        core("SIP"),
        core("SDP", ["SIP"]),
        core("Dialplan"),
        core("Charging"),
        core("Switching", ["SIP", "SDP", "Dialplan", "Charging"]),

        // Shells.
        .systemLibrary(
            name: "CLibcrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CJemalloc", pkgConfig: "jemalloc", providers: [.apt(["libjemalloc-dev"])]),
        .systemLibrary(name: "CResolver"),
        .systemLibrary(
            name: "CNetSNMP", pkgConfig: "netsnmp", providers: [.apt(["libsnmp-dev"])]),
        .target(name: "CSockets"),
        shell("Transport", ["SIP", "CSockets"]),
        shell(
            "Streams",
            [
                "SIP",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
            ]),
        .target(name: "CSQLiteSettings"),
        shell(
            "Store",
            [
                "CLibcrypto", "CSQLiteSettings", "Charging", "SIP", "Switching",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),
        shell("Resolver", ["CResolver", "SIP", "Switching"]),
        .target(name: "CSNMP", dependencies: ["CNetSNMP"]),
        shell("SpanPolling", ["CSNMP", "SIP", "Switching"]),
        shell("Control", ["Switching", "Charging", "Dialplan", "SIP"]),
        shell(
            "Runtime",
            [
                "CLibcrypto", "SIP", "Dialplan", "Charging", "Switching", "Transport", "Store",
                "Control", "Resolver", "SpanPolling", "Streams", "Yams",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),

        // A shell of values: clocks, wire, disk and phones that are simulated.
        shell("Simulation", ["SIP", "Dialplan", "Charging", "Switching"]),

        .executableTarget(
            name: "tandem",
            dependencies: [
                "CJemalloc", "Runtime", "Control", "Simulation", "Switching", "Charging",
                "Dialplan",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        tests("SIPTests", ["SIP", "TestSupport"], resources: [.copy("Torture")]),
        tests("SDPTests", ["SDP"]),
        tests("DialplanTests", ["Dialplan", "TestSupport"], resources: [.copy("Golden")]),
        tests("ChargingTests", ["Charging", "TestSupport"]),
        tests(
            "SwitchingTests", ["Switching", "SIP", "SDP", "Dialplan", "Charging", "TestSupport"],
            resources: [.copy("Flows")]),
        tests("SimulationTests", ["Simulation", "Switching", "Charging", "SIP"]),
        tests(
            "StoreTests",
            [
                "Store", "Switching", "Charging", "SIP",
                .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        tests("TransportTests", ["Transport", "SIP"]),
        tests("StreamsTests", ["Streams", "SIP"]),
        tests("ResolverTests", ["Resolver", "CResolver", "SIP", "Switching", "TestSupport"]),
        tests("ControlTests", ["Control", "Switching", "Charging"]),
        tests(
            "RuntimeTests",
            [
                "Runtime", "Control", "Transport", "Streams", "Switching", "Store", "SIP",
                "Charging", "Dialplan", .product(name: "Logging", package: "swift-log"),
            ]),
        tests("HouseTests", []),
    ]
)
