package import Classification
import Dispatch
import Inspection
package import MemoryModel
package import ProcFS
import Synchronization

/// Reads ELF headers on a thread of its own, and does not wait long for them.
///
/// A library may lie on a network file system whose server is away; reading it would hang the look for
/// as long as that lasts. After ``patience`` the look goes on without the header, the areas are told
/// apart by neighbourhood, and the next look finds the answer if there is one by then.
///
/// What has been read is kept for all processes that map the same file, by device, inode, size and time
/// of modification, since an inode number alone may become another file's.
package final class DeferredImageSource: ImageSource {
    private struct State {
        var layouts: [ImageFile.Key: ImageLayout] = [:]
        /// Questions that a look gave up waiting for, so that it does not ask them again meanwhile.
        var pending: Set<PendingKey> = []
    }

    private struct PendingKey: Hashable {
        var pid: Int32
        var image: ImageKey
    }

    private let state = Mutex(State())
    private let reader: DispatchQueue
    private let patience: DispatchTimeInterval

    package convenience init() { self.init(patience: .milliseconds(100)) }

    init(
        patience: DispatchTimeInterval, reader: DispatchQueue = DispatchQueue(label: "org.memwatch.images")
    ) {
        self.patience = patience
        self.reader = reader
    }

    package func layout(of area: VMA, path: [UInt8], in directory: ProcessDirectory) -> ImageLayout? {
        let key = PendingKey(pid: directory.pid, image: ImageKey(area))
        let isAsked = state.withLock { !$0.pending.insert(key).inserted }
        if isAsked { return nil }
        let box = AnswerBox()
        reader.async { [self] in
            let layout = read(area, path, directory)
            state.withLock { state in _ = state.pending.remove(key) }
            box.put(layout)
        }
        return box.wait(patience)
    }

    private func read(_ area: VMA, _ path: [UInt8], _ directory: ProcessDirectory) -> ImageLayout {
        guard let file = directory.openImage(of: area, path: path) else { return .unreadable }
        if let known = state.withLock({ $0.layouts[file.key] }) { return known }
        let layout = ImageLayout(reading: file)
        state.withLock { state in
            // A machine has a few thousand images; one that makes more starts over.
            if state.layouts.count >= 8_192 { state.layouts.removeAll() }
            state.layouts[file.key] = layout
        }
        return layout
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
