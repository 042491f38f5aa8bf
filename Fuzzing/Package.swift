// swift-tools-version: 6.2
import PackageDescription

// The fuzzers: the targets of Tests/FuzzTests under libFuzzer and the address sanitizer. `make fuzz` builds and
// runs them; Fuzzing/campaign.py says how.
//
// A package of its own, because every module of it is compiled with the fuzzer's counters, which nobody who builds
// memwatch wants. What it calls is visible within one package only, so the modules are here by symbolic links.
let rules: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
    name: "memwatch-fuzzing",
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    ],
    targets: [
        .target(name: "CLinux", path: "Modules/CLinux"),
        .target(name: "MemoryModel", path: "Modules/MemoryModel", swiftSettings: rules),
        .target(
            name: "ProcFS",
            dependencies: [
                "MemoryModel", "CLinux", .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Modules/ProcFS", swiftSettings: rules),
        .target(
            name: "Classification", dependencies: ["MemoryModel"], path: "Modules/Classification",
            swiftSettings: rules),
        .target(
            name: "Inspection", dependencies: ["MemoryModel", "ProcFS", "Classification"],
            path: "Modules/Inspection", swiftSettings: rules),
        .target(name: "Varlink", path: "Modules/Varlink", swiftSettings: rules),
        // What reads a stranger's bytes, without the event loop behind it.
        .target(
            name: "VarlinkServing",
            dependencies: ["Varlink", .product(name: "NIOCore", package: "swift-nio")],
            path: "Modules/VarlinkServing",
            swiftSettings: rules),
        .target(
            name: "MemwatchInterface", dependencies: ["MemoryModel", "Varlink"],
            path: "Modules/MemwatchInterface", swiftSettings: rules),
        .executableTarget(
            name: "memwatch-fuzz",
            dependencies: [
                "MemoryModel", "ProcFS", "Classification", "Inspection", "Varlink", "VarlinkServing",
                "MemwatchInterface", .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: ".", exclude: ["Modules", "campaign.py"], sources: ["Program", "Targets"],
            swiftSettings: rules),
    ]
)
