import MemwatchInterface

extension DaemonConfiguration {
    /// Reads the configuration: one file, then `conf.d/*.toml` beside it in the order of their names.
    ///
    /// What a later file sets wins over earlier ones; `[[target]]` adds up.
    ///
    /// - Parameters:
    ///   - explicitFile: What `--config` names: it must be there.
    ///   - defaultFile: What is read otherwise, if it is there. Its `conf.d` is read in any case.
    /// - Throws: Every problem of every file. A file with a syntax error adds that one problem.
    package static func load(
        explicitFile: String?, defaultFile: String
    ) throws(ConfigurationError) -> DaemonConfiguration {
        try loadWithFiles(explicitFile: explicitFile, defaultFile: defaultFile).configuration
    }

    /// The same, with the files that it was read from, in their order.
    package static func loadWithFiles(
        explicitFile: String?, defaultFile: String
    ) throws(ConfigurationError) -> (configuration: DaemonConfiguration, files: [String]) {
        var loader = ConfigurationLoader()
        let main = explicitFile ?? defaultFile
        loader.load(main, isOptional: explicitFile == nil)
        // "memwatchd.toml" without a directory has its conf.d in the working directory.
        let directory = main.lastIndex(of: "/").map { String(main[...$0]) } ?? ""
        loader.loadDirectory(directory + "conf.d")
        loader.checkAges()
        guard loader.problems.isEmpty else { throw ConfigurationError(problems: loader.problems) }
        return (loader.configuration, loader.files)
    }
}

/// Puts the files together.
private struct ConfigurationLoader {
    var configuration = DaemonConfiguration()
    var files: [String] = []
    var problems: [ConfigurationError.Problem] = []
    /// Where each key got its value, to point there when values contradict each other.
    private var places: [String: (file: String, position: TextPosition)] = [:]

    init() {}

    mutating func load(_ file: String, isOptional: Bool) {
        switch ConfigurationFile.read(file) {
        case .missing where isOptional: break
        case .missing: refuse(file, "does not exist; name a file that does, or leave --config out")
        case .refused(let reason): refuse(file, reason)
        case .content(let content):
            files.append(file)
            let reader = ConfigurationReader.apply(content, of: file, to: &configuration)
            problems += reader.problems
            for (key, position) in reader.places { places[key] = (file, position) }
        }
    }

    mutating func loadDirectory(_ directory: String) {
        switch ConfigurationFile.list(directory) {
        case .failure(let failure): refuse(directory, failure.message)
        case .success(let names):
            // One that vanishes between the listing and the reading was never there.
            for name in names { load(directory + "/" + name, isOptional: true) }
        }
    }

    /// Samples become coarser with age, never finer. A default between the ages that somebody
    /// wrote gives way to them, but nothing is kept beyond `maximum_age` unless that is written too.
    mutating func checkAges() {
        guard problems.isEmpty else { return }
        let ages: [(key: String, path: WritableKeyPath<DaemonConfiguration, Int64>)] = [
            ("raw_age", \.history.rawAgeMicroseconds), ("minute_age", \.history.minuteAgeMicroseconds),
            ("maximum_age", \.history.maximumAgeMicroseconds),
        ]
        for (index, longer) in ages.enumerated() {
            for shorter in ages[..<index] {
                let limit = configuration[keyPath: longer.path]
                guard configuration[keyPath: shorter.path] > limit else { continue }
                guard let place = places["history." + shorter.key] else {
                    configuration[keyPath: shorter.path] = limit
                    continue
                }
                if longer.key == "minute_age", places["history.minute_age"] == nil {
                    configuration[keyPath: longer.path] = configuration[keyPath: shorter.path]
                    continue
                }
                problems.append(
                    .init(
                        file: place.file, position: place.position,
                        message:
                            "\(shorter.key) is longer than \(longer.key) (\(DurationText.format(limit))); "
                            + "write a shorter one, or a longer \(longer.key)"))
                return
            }
        }
    }

    private mutating func refuse(_ file: String, _ message: String) {
        problems.append(.init(file: file, position: nil, message: message))
    }
}
