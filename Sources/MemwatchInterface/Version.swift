/// The version of memwatch, client and daemon alike (semver.org; CHANGELOG.md).
package enum MemwatchVersion {
    package static let text = "0.1.0"
}
