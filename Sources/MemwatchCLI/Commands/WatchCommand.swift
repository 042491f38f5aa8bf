import ArgumentParser
import Glibc
import MemoryModel
import MemwatchInterface

struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Shows processes live: one in detail, several as a table.",
        discussion: """
            Redrawn each second until q, Ctrl-C or the end of all of them. Without a pid: everything that the daemon \
            watches. For eyes: scripts take 'memwatch history' and 'memwatch events --follow'.
            """)

    @Argument(help: ArgumentHelp("The processes, which the daemon must watch.", valueName: "pid"))
    var pids: [String] = []

    @OptionGroup var daemon: SocketOption

    func run() throws {
        let pids = try ArgumentText.pids(pids)
        let endpoint = try daemon.endpoint()
        let pipe = try WakePipe()
        let signals = WatchSignals(pipe)
        let feed = WatchFeed(pids, endpoint, pipe)
        let terminal = try TerminalSession()
        defer { terminal.leave() }
        feed.start()
        var view = WatchLoop(
            isSingle: pids.count == 1, terminal: terminal, feed: feed, signals: signals, pipe: pipe)
        let end = try view.run()
        terminal.leave()
        // As for any program that a signal ends.
        if case .signal(let number) = end { Signals.die(of: number) }
    }
}

/// Waits for keys, answers and signals, and draws.
private struct WatchLoop {
    enum End {
        case quit
        case signal(Int32)
    }

    private var model: WatchModel
    private var frozen: WatchModel?
    private let terminal: TerminalSession
    private let feed: WatchFeed
    private let signals: WatchSignals
    private let pipe: WakePipe
    private let isStyled = Output().isStyled

    init(isSingle: Bool, terminal: TerminalSession, feed: WatchFeed, signals: WatchSignals, pipe: WakePipe) {
        model = WatchModel(isSingle: isSingle, time: .now)
        (self.terminal, self.feed, self.signals, self.pipe) = (terminal, feed, signals, pipe)
    }

    mutating func run() throws(Failure) -> End {
        draw()
        while true {
            var waiting = [
                pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
                pollfd(fd: pipe.readEnd, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&waiting, nfds_t(waiting.count), -1) >= 0 || errno == EINTR else { return .quit }
            pipe.empty()
            if let number = signals.endingSignal { return .signal(number) }
            if signals.takeStop() { stop() }
            if waiting[0].revents != 0, try !readKeys() { return .quit }
            for message in feed.take() where try !take(message) { return .quit }
            draw()
        }
    }

    /// False where it ends.
    private mutating func readKeys() throws(Failure) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(STDIN_FILENO, &bytes, bytes.count)
        // The terminal is gone.
        guard count > 0 else { return count < 0 && (errno == EINTR || errno == EAGAIN) }
        for key in WatchKey.keys(in: Array(bytes.prefix(count))) {
            if !model.press(key) { return false }
        }
        return true
    }

    /// False where it ends.
    private mutating func take(_ message: WatchFeed.Message) throws(Failure) -> Bool {
        switch message {
        case .history(let target, let samples, let time):
            model.remember(samples, of: target, before: time)
        case .answer(let time, let watched, let events):
            model.connection = .connected
            model.update(at: time, watched, events)
        case .lost(let why): model.connection = .lost(why)
        case .failed(let failure): throw failure
        case .over: model.connection = .ended
        }
        return true
    }

    /// While paused, what there was when it began; the terminal may be resized meanwhile.
    private mutating func draw() {
        if !model.isPaused { frozen = nil } else if frozen == nil { frozen = model }
        var shown = frozen ?? model
        (shown.showsHelp, shown.connection) = (model.showsHelp, model.connection)
        let size = TerminalSize(of: STDOUT_FILENO) ?? .ofEnvironment
        terminal.draw(WatchScreen(model: shown, size: size, isStyled: isStyled).lines)
    }

    /// Ctrl-Z from outside (in raw mode it is no key): leaves the terminal as it was, and takes it again afterwards.
    private func stop() {
        terminal.leave()
        kill(getpid(), SIGSTOP)
        terminal.enter()
    }
}
