// swift-tools-version: 6.2
import PackageDescription

// The same bodies that Benchmarks/micro.py counts, timed by ordo-one/benchmark: percentiles of wall and
// processor time, and on a machine with hardware counters (few virtual ones have them) of instructions.
//
//     swift package --package-path Benchmarks/Micro benchmark
//
// A package of its own, so that nobody who builds memwatch resolves what only this needs. What it measures
// is visible within one package only, so the modules are here by symbolic links.
let rules: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

let package = Package(
    name: "memwatch-micro",
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        // Without its traits: its own counting of allocations reads nothing here, and callgrind's does.
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
    ],
    targets: [
        .target(name: "CLinux", path: "Modules/CLinux"),
        .target(name: "MemoryModel", path: "Modules/MemoryModel", swiftSettings: rules),
        .target(
            name: "ProcFS", dependencies: ["MemoryModel", "CLinux", system], path: "Modules/ProcFS",
            swiftSettings: rules),
        .target(
            name: "Classification", dependencies: ["MemoryModel"], path: "Modules/Classification",
            swiftSettings: rules),
        .target(
            name: "Inspection", dependencies: ["MemoryModel", "ProcFS", "Classification"],
            path: "Modules/Inspection", swiftSettings: rules),
        .target(
            name: "KernelEvents", dependencies: ["MemoryModel", "ProcFS", "CLinux", system],
            path: "Modules/KernelEvents", swiftSettings: rules),
        .target(
            name: "Tracing",
            dependencies: [
                "MemoryModel", "ProcFS", "Classification", "Inspection", "KernelEvents",
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Modules/Tracing", swiftSettings: rules),
        .target(
            name: "History",
            dependencies: [
                "MemoryModel", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            path: "Modules/History", swiftSettings: rules),
        .executableTarget(
            name: "MemwatchMicro",
            dependencies: [
                "MemoryModel", "ProcFS", "Classification", "Tracing", "History",
                .product(name: "Benchmark", package: "benchmark"),
            ],
            path: ".",
            exclude: ["Modules", "thresholds.json"],
            sources: [
                "Timed/Timed.swift", "Bodies/Body.swift", "Bodies/MapText.swift", "Bodies/Maps.swift",
                "Bodies/HistoryWork.swift",
            ],
            swiftSettings: rules,
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
    ]
)
