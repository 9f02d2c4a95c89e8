// swift-tools-version: 6.2
import PackageDescription

// `swift run -c release --package-path Benchmarks` measures the core and prints it beside the
// budgets. A package of its own, so that nobody who builds the switch builds this.

let package = Package(
    name: "benchmarks",
    products: [.executable(name: "benchmarks", targets: ["benchmarks"])],
    dependencies: [.package(name: "tandem", path: "..")],
    targets: [
        .target(name: "CMeter"),
        .executableTarget(
            name: "benchmarks",
            dependencies: [
                "CMeter", .product(name: "TandemCore", package: "tandem"),
                .product(name: "TandemStore", package: "tandem"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]),
    ]
)
