package import Classification
import Dispatch
import Inspection
package import MemoryModel
package import ProcFS
import Synchronization

/// Reads ELF headers on a thread of its own, does not wait long for them, and reads those of one file once for
/// all processes that map it.
///
/// A library may lie on a network file system whose server is away; reading it would hang the look for
/// as long as that lasts. After ``patience`` the look goes on without the header, the areas are told
/// apart by neighbourhood, and the next look finds the answer if there is one by then.
///
/// What is known of a file is known by the device and inode that maps shows, for as long as the kernel says that
/// the file is still there as it was (``ImageWatch``), and for ``lifetime`` at most; then it is opened again. To
/// open it anew for each process only to find that it is the same one would take longer than all the rest of the
/// first look. Where the kernel cannot say so, that is what is done.
package final class DeferredImageSource: ImageSource {
    private struct State {
        /// By what fstat(2) says of the open file.
        var layouts: [ImageFile.Key: ImageLayout] = [:]
        /// By what maps says, of files that are watched.
        var shared: [ImageKey: Shared] = [:]
        /// The last answer for all images of a process: the workers of a service map the same, and so share one.
        /// Gone with the first of ``shared`` that is forgotten or read anew, so it can be no older than those.
        var complete: (images: KnownImages, expires: MonotonicTime)?
        var watched: [ImageWatch.Mark: ImageKey] = [:]
        /// While a file is being read: watches that told something and are no known image's. It may be that one.
        var unknown: Set<ImageWatch.Mark>?
        /// Questions that a look gave up waiting for, so that it does not ask them again meanwhile.
        var pending: Set<PendingKey> = []

        mutating func forget(_ mark: ImageWatch.Mark) {
            if let image = watched.removeValue(forKey: mark) {
                shared[image] = nil
                complete = nil
            } else {
                unknown?.insert(mark)
            }
        }
    }

    private struct Shared {
        var layout: ImageLayout
        var expires: MonotonicTime
    }

    private struct PendingKey: Hashable {
        var pid: Int32
        var image: ImageKey
    }

    /// A machine has a few thousand images; one that makes more starts over.
    private static let limit = 8_192
    /// For file systems that others change behind this kernel's back.
    private static let lifetime: Int64 = 10_000_000

    private let state = Mutex(State())
    private let watch = ImageWatch()
    private let reader: DispatchQueue
    private let patience: DispatchTimeInterval

    package convenience init() { self.init(patience: .milliseconds(100)) }

    init(
        patience: DispatchTimeInterval, reader: DispatchQueue = DispatchQueue(label: "org.memwatch.images")
    ) {
        self.patience = patience
        self.reader = reader
    }

    package func prepare() {
        guard let watch else { return }
        // Under the lock: an answer after this must not come from before it.
        let stale = state.withLock { state -> [ImageWatch.Mark] in
            switch watch.takeChanges() {
            case .marks(let marks):
                for mark in marks { state.forget(mark) }
                return marks
            case .any:
                let marks = Array(state.watched.keys)
                for mark in marks { state.forget(mark) }
                return marks
            }
        }
        // A file that is read again is watched again. (Of those that are gone the kernel has done it.)
        for mark in stale { watch.remove(mark) }
    }

    package func known(_ images: [(ImageKey, VMA)]) -> KnownImages? {
        let now = MonotonicTime.now
        return state.withLock { state in
            if let complete = state.complete, now < complete.expires, complete.images.isOf(images) {
                return complete.images
            }
            var known = KnownImages()
            known.reserveCapacity(images.count)
            var expires = MonotonicTime(microseconds: .max)
            for (key, _) in images {
                guard let shared = state.shared[key], now < shared.expires else { return nil }
                known.append(key, shared.layout)
                expires = min(expires, shared.expires)
            }
            state.complete = (known, expires)
            return known
        }
    }

    package func layout(of area: VMA, path: [UInt8], in directory: ProcessDirectory) -> ImageLayout? {
        let image = ImageKey(area)
        let key = PendingKey(pid: directory.pid, image: image)
        let now = MonotonicTime.now
        let (known, isAsked) = state.withLock { state -> (ImageLayout?, Bool) in
            if let shared = state.shared[image], now < shared.expires {
                return (shared.layout, false)
            }
            return (nil, !state.pending.insert(key).inserted)
        }
        if let known { return known }
        if isAsked { return nil }
        let box = AnswerBox()
        reader.async { [self] in
            let layout = read(area, path, directory)
            state.withLock { state in _ = state.pending.remove(key) }
            box.put(layout)
        }
        return box.wait(patience)
    }

    /// On ``reader``, so one at a time.
    private func read(_ area: VMA, _ path: [UInt8], _ directory: ProcessDirectory) -> ImageLayout {
        state.withLock { $0.unknown = [] }
        defer { state.withLock { $0.unknown = nil } }
        guard let opened = directory.openImage(of: area, path: path) else { return .unreadable }
        // Where maps shows another device (btrfs, some overlays), two files may have the same numbers there.
        let mark = opened.key.device == area.device ? watch?.add(opened) : nil
        // What is read now is true for as long as the watch says nothing, so it must be of after the watch began.
        guard let file = mark == nil ? opened : directory.openImage(of: area, path: path) else {
            return .unreadable
        }
        let known = state.withLock { $0.layouts[file.key] }
        let layout = known ?? ImageLayout(reading: file)
        state.withLock { state in
            if state.layouts.count >= Self.limit { state.layouts.removeAll() }
            state.layouts[file.key] = layout
            guard let mark, file.key == opened.key else { return }
            share(layout, ImageKey(area), mark, &state)
        }
        return layout
    }

    private func share(
        _ layout: ImageLayout, _ image: ImageKey, _ mark: ImageWatch.Mark, _ state: inout State
    ) {
        if state.unknown?.contains(mark) == true { return }
        // One file of two names in maps (another mount shows it so) is watched for the first.
        if let other = state.watched[mark], other != image { return }
        state.complete = nil
        if state.shared.count >= Self.limit {
            for mark in state.watched.keys { watch?.remove(mark) }
            state.shared.removeAll()
            state.watched.removeAll()
            return
        }
        state.watched[mark] = image
        state.shared[image] = Shared(layout: layout, expires: .now.advanced(byMicroseconds: Self.lifetime))
    }
}

/// One answer, waited for with a limit.
private final class AnswerBox: Sendable {
    private let answer = Mutex<ImageLayout?>(nil)
    private let isThere = DispatchSemaphore(value: 0)

    func put(_ layout: ImageLayout) {
        answer.withLock { $0 = layout }
        isThere.signal()
    }

    func wait(_ limit: DispatchTimeInterval) -> ImageLayout? {
        _ = isThere.wait(timeout: .now() + limit)
        return answer.withLock { $0 }
    }
}
