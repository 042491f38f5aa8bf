// swift-tools-version: 6.2
import PackageDescription

// Every target is compiled with the same rules, so that a file can move between
// them without changing meaning. `MEMWATCH_STRICT=1` (what .ci/run sets) turns
// warnings into errors; it is off by default so that a newer compiler with a new
// warning does not lock anybody out of building.
let strict = Context.environment["MEMWATCH_STRICT"] != nil

let rules: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ] + (strict ? [.treatAllWarnings(as: .error)] : [])

// What a daemon that stays has mapped is mapped for long: lld keeps constants apart from data (see the file), so that
// they are read-only and need not stay mapped. It is part of the Swift toolchain.
let constantsApart = [
    "-use-ld=lld", "-Xlinker", "-T", "-Xlinker", Context.packageDirectory + "/Sources/memwatchd/constants.ld",
]

// Arrows point one way (docs/architecture.md draws them):
//   MemoryModel ← ProcFS, Classification ← Inspection ← Tracing ← MemwatchDaemon
//   ProcFS ← KernelEvents ← Tracing
//   MemoryModel ← History, Journal ← MemwatchDaemon
//   Varlink ← MemwatchInterface ← MemwatchDaemon, MemwatchCLI; Varlink ← VarlinkServing ← MemwatchDaemon
// The client must link neither GRDB, libsystemd, NIO nor Foundation.
let package = Package(
    name: "memwatch",
    products: [
        .executable(name: "memwatch", targets: ["memwatch"]),
        .executable(name: "memwatchd", targets: ["memwatchd"]),
        .executable(name: "memgrow", targets: ["memgrow"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    ],
    targets: [
        // MARK: System interfaces
        .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        .target(name: "CLinux"),

        // MARK: What memory is
        .target(name: "MemoryModel", swiftSettings: rules),

        // MARK: Seeing it
        .target(
            name: "ProcFS",
            dependencies: [
                "MemoryModel", "CLinux", .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: rules),
        .target(name: "Classification", dependencies: ["MemoryModel"], swiftSettings: rules),
        .target(
            name: "Inspection", dependencies: ["MemoryModel", "ProcFS", "Classification"],
            swiftSettings: rules),
        .target(
            name: "KernelEvents",
            dependencies: [
                "MemoryModel", "ProcFS", "CLinux",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: rules),
        .target(
            name: "Tracing",
            dependencies: [
                "MemoryModel", "ProcFS", "Classification", "Inspection", "KernelEvents",
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: rules),

        // MARK: Judging it
        .target(name: "Analysis", swiftSettings: rules),

        // MARK: Keeping and telling it
        .target(
            name: "History",
            dependencies: [
                "MemoryModel", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: rules),
        .target(name: "Journal", dependencies: ["MemoryModel", "CSystemd"], swiftSettings: rules),

        // MARK: Speaking of it
        // The client's side and the messages, apart from the server: a command-line program makes one call,
        // and would start 1.5 times as slowly with an event loop linked in.
        .target(name: "Varlink", swiftSettings: rules),
        .target(
            name: "VarlinkServing",
            dependencies: [
                "Varlink", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: rules),
        .target(name: "MemwatchInterface", dependencies: ["MemoryModel", "Varlink"], swiftSettings: rules),

        // MARK: The two programs
        .target(
            name: "MemwatchDaemon",
            dependencies: [
                "CLinux", "MemoryModel", "ProcFS", "Inspection", "Analysis", "Tracing", "History", "Journal",
                "Varlink", "VarlinkServing", "MemwatchInterface",
                .product(name: "TOMLKit", package: "TOMLKit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: rules),
        .target(
            name: "MemwatchCLI",
            dependencies: [
                "CLinux", "MemoryModel", "ProcFS", "Inspection", "KernelEvents", "Analysis", "Varlink",
                "MemwatchInterface",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: rules),
        .executableTarget(
            name: "memwatchd", dependencies: ["MemwatchDaemon"], exclude: ["constants.ld"],
            swiftSettings: rules,
            linkerSettings: [.unsafeFlags(constantsApart, .when(configuration: .release))]),
        .executableTarget(name: "memwatch", dependencies: ["MemwatchCLI"], swiftSettings: rules),

        // MARK: A program whose memory is known
        .executableTarget(name: "memgrow"),

        // MARK: Measuring
        .executableTarget(
            name: "memwatch-bench", dependencies: ["MemoryModel", "ProcFS", "Inspection", "Tracing"],
            path: "Benchmarks/Look", swiftSettings: rules),
        .executableTarget(
            name: "memwatch-bench-history",
            dependencies: ["History", "MemoryModel", .product(name: "GRDBSQLite", package: "GRDB.swift")],
            path: "Benchmarks/History", swiftSettings: rules),
        .executableTarget(
            name: "memwatch-micro",
            dependencies: ["MemoryModel", "ProcFS", "Classification", "Tracing", "History"],
            path: "Benchmarks/Micro/Bodies", swiftSettings: rules),

        // MARK: Tests
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: rules),
        .executableTarget(
            name: "KernelEventsTestHelper", dependencies: ["KernelEvents", "MemoryModel"],
            path: "Tests/Support/KernelEventsTestHelper", swiftSettings: rules),
        .executableTarget(
            name: "JournalTestHelper", dependencies: ["Journal", "MemoryModel"],
            path: "Tests/Support/JournalTestHelper", swiftSettings: rules),
        .testTarget(
            name: "MemoryModelTests", dependencies: ["MemoryModel", "TestSupport"], swiftSettings: rules),
        .testTarget(
            name: "InspectionTests",
            dependencies: ["Inspection", "ProcFS", "MemoryModel", "TestSupport", "memgrow"],
            swiftSettings: rules),
        .testTarget(
            name: "KernelEventsTests",
            dependencies: ["KernelEvents", "ProcFS", "MemoryModel", "TestSupport", "KernelEventsTestHelper"],
            exclude: ["Fixtures"],
            swiftSettings: rules),
        .testTarget(
            name: "TracingTests",
            dependencies: [
                "Tracing", "KernelEvents", "Inspection", "Classification", "ProcFS", "MemoryModel",
                "TestSupport", "memgrow",
            ],
            swiftSettings: rules),
        // The finished programs against real processes, a real journald, sqlite3, jq, varlink's own tools.
        .testTarget(
            name: "EndToEndTests",
            dependencies: ["TestSupport", "Varlink", "memwatch", "memwatchd", "memgrow"],
            exclude: ["Support/attack.py"], swiftSettings: rules),
        // The installed programs under a real systemd, in a booted container: "make test-system".
        .testTarget(
            name: "SystemTests",
            dependencies: ["TestSupport", "Varlink", "memwatch", "memwatchd", "memgrow"],
            swiftSettings: rules),
        .testTarget(
            name: "ProcFSTests",
            dependencies: [
                "ProcFS", "MemoryModel", "TestSupport",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            exclude: ["Fixtures"], swiftSettings: rules),
        .testTarget(
            name: "ClassificationTests",
            dependencies: ["Classification", "MemoryModel", "TestSupport", "memgrow"],
            swiftSettings: rules),
        .testTarget(
            name: "HistoryTests",
            dependencies: [
                "History", "MemoryModel", "TestSupport", .product(name: "GRDB", package: "GRDB.swift"),
            ],
            exclude: ["Fixtures"], swiftSettings: rules),
        .testTarget(
            name: "JournalTests",
            dependencies: ["Journal", "MemoryModel", "JournalTestHelper", "TestSupport"],
            swiftSettings: rules),
        .testTarget(
            name: "VarlinkTests",
            dependencies: [
                "Varlink", "VarlinkServing", "TestSupport", .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: rules),
        // The targets of the fuzzers (Fuzzing/), run here over what these have found.
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "ProcFS", "Classification", "Inspection", "MemoryModel", "Varlink", "VarlinkServing",
                "MemwatchInterface", "TestSupport", .product(name: "NIOCore", package: "swift-nio"),
            ],
            exclude: ["Corpus"], swiftSettings: rules),
        .testTarget(name: "AnalysisTests", dependencies: ["Analysis"], swiftSettings: rules),
        .testTarget(
            name: "MemwatchInterfaceTests", dependencies: ["MemwatchInterface", "MemoryModel"],
            swiftSettings: rules),
        .testTarget(
            name: "MemwatchDaemonTests",
            dependencies: [
                "MemwatchDaemon", "MemwatchInterface", "History", "Tracing", "Inspection", "ProcFS",
                "MemoryModel", "CLinux", "TestSupport", "memgrow",
                .product(name: "TOMLKit", package: "TOMLKit"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: rules),
        .testTarget(
            name: "MemwatchCLITests",
            dependencies: [
                "MemwatchCLI", "MemwatchInterface", "Analysis", "KernelEvents", "ProcFS", "Varlink",
                "VarlinkServing", "MemoryModel", "TestSupport", "memwatch",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            exclude: ["Fixtures"],
            swiftSettings: rules),
    ]
)
