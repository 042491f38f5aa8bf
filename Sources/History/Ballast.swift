import Glibc

/// A file that only takes room, to be given up when there is none: on a full disk SQLite
/// cannot delete rows either, because the log must grow first.
struct Ballast {
    static let name = "history.ballast"

    let directory: StateDirectory
    let bytes: Int64

    /// Takes the room if there is plenty (the disk keeps four times as much afterwards).
    func fill() {
        guard bytes > 0 else {
            directory.remove(Self.name)
            return
        }
        let size = (try? directory.size(of: Self.name)) ?? nil
        if size == bytes { return }
        guard let available = directory.availableBytes(), available / 5 >= bytes,
            let file = try? directory.create(Self.name)
        else { return }
        // fallocate(2) and not ftruncate: a hole would hold no room.
        if ftruncate(file, off_t(bytes)) != 0 || posix_fallocate(file, 0, off_t(bytes)) != 0 {
            directory.remove(Self.name)
        }
        Glibc.close(file)
    }

    /// Gives the room up. False where there was none to give.
    func release() -> Bool {
        guard directory.exists(Self.name) else { return false }
        directory.remove(Self.name)
        return true
    }
}
