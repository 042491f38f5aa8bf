#if canImport(Testing)
    import Glibc
    package import Testing

    /// The sanitizer that the tests run under, if any: `make sanitize`.
    package enum Sanitizer: String, Sendable {
        case address, thread

        /// As `make sanitize` says; else asked of the program itself, which shows the thread sanitizer's runtime and
        /// not always the address sanitizer's.
        package static let active: Sanitizer? = {
            if let said = getenv("MEMWATCH_SANITIZER") { return Sanitizer(rawValue: String(cString: said)) }
            if dlsym(nil, "__tsan_init") != nil { return .thread }
            if dlsym(nil, "__asan_init") != nil { return .address }
            return nil
        }()

        /// What to change in a program's environment, for the address sanitizer to have this setting too.
        package static func addressOptions(adding setting: String) -> [String: String?] {
            let others = getenv("ASAN_OPTIONS").map { String(cString: $0) + ":" } ?? ""
            return ["ASAN_OPTIONS": others + setting]
        }

        /// Its settings, as `NAME=VALUE`, for programs that are started with an environment of their own.
        package static var settings: [String] {
            ["ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"].compactMap { (name: String) in
                getenv(name).map { "\(name)=\(String(cString: $0))" }
            }
        }
    }

    extension Trait where Self == ConditionTrait {
        /// What a sanitizer itself makes impossible: it keeps what was freed, maps terabytes of shadow memory and
        /// takes a multiple of the time. `reason` says which of them is in the way.
        package static func withoutSanitizer(_ reason: String) -> Self {
            requires("no-sanitizer", Sanitizer.active == nil, "under a sanitizer \(reason)")
        }
    }
#endif
