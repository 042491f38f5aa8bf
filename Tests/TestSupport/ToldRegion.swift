/// A region of a process's memory as tests compare it, whoever told of it.
package struct ToldRegion: Equatable, Sendable {
    package var start: String?
    package var end: String?
    package var permissions: String?
    package var kind: String?
    package var path: String?

    package init(start: String?, end: String?, permissions: String?, kind: String?, path: String?) {
        self.start = start
        self.end = end
        self.permissions = permissions
        self.kind = kind
        self.path = path
    }
}

extension [ToldRegion] {
    /// What is told of these where no ELF header says how long an image's bss is (docs/security.md): anonymous
    /// memory that came to lie directly behind its data is bss too. Some launches have it, the loader's own
    /// (thread-local storage) in a hole of just that size: 6 of 200 of memgrow's debug build, 19 of 1,500 of its
    /// release build.
    package var withoutHeaders: [ToldRegion] {
        var told: [ToldRegion] = []
        for var region in self {
            if region.kind == "anon", region.permissions?.contains("w") == true, let last = told.last,
                last.end == region.start, ["bss", "data"].contains(last.kind)
            {
                region.kind = "bss"
                if last.kind == "bss" { region.start = told.removeLast().start }
            }
            told.append(region)
        }
        return told
    }
}
