import NIOCore
import Varlink

/// One client's connection, as the server sees it.
///
/// Calls are taken one at a time: a frame is cut off only when the call before it is answered,
/// and nothing is read from the socket while a whole frame waits. So what a client can make us
/// hold is one frame and one read, however many calls it pipelines, and replies keep their order.
///
/// `@unchecked Sendable`: every stored variable is used on the event loop only. What is called
/// from elsewhere (``send(_:)``, ``reject(_:)``) hops there first.
final class ServerConnection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A reply is handed to the socket in pieces of this size; each one taken is progress.
    private static let pieceBytes = 64 << 10

    private enum Waiting { case nothing, firstByte, restOfFrame }
    private enum Call { case notParsed, single, stream, oneway }
    private enum Turn { case notNeeded, awaited, taken }

    let id: VarlinkConnectionID
    let peer: PeerCredentials
    let limits: VarlinkLimits
    private let registry: ConnectionRegistry
    private let channel: any Channel

    private var context: ChannelHandlerContext?
    private var frames: FrameBuffer
    private var task: Task<Void, Never>?
    private var call = Call.notParsed
    private var turn = Turn.notNeeded
    /// The peer sends no more; it may still read.
    private var inputEnded = false
    private var isStopping = false
    private var isClosed = false
    private var waiting = Waiting.nothing
    private var waitDeadline: Scheduled<Void>?
    private var untakenBytes = 0
    private var readerDeadline: Scheduled<Void>?

    init(id: VarlinkConnectionID, peer: PeerCredentials, channel: any Channel, registry: ConnectionRegistry) {
        self.id = id
        self.peer = peer
        self.channel = channel
        self.registry = registry
        limits = registry.limits
        frames = FrameBuffer(limit: registry.limits.maximumFrameBytes)
    }

    // MARK: From the channel

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        advance()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isStopping else { return }
        var received = unwrapInboundIn(data)
        frames.append(&received)
    }

    func channelReadComplete(context: ChannelHandlerContext) { advance() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent {
            inputEnded = true
            advance()
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// Called once, when the channel is closed by whichever side, even if it never became active.
    func channelClosed() {
        context = nil
        isClosed = true
        cancelDeadlines()
        // A oneway call is nobody's to wait for: it runs to its end although its caller has gone.
        if call == .single || call == .stream { task?.cancel() }
        advance()
    }

    // MARK: Taking calls

    private func advance() {
        guard task == nil, turn != .awaited else { return }
        do throws(FrameBuffer.TooLong) {
            if let frame = try frames.next() { return begin(frame) }
        } catch {
            return drop(answering: "a call of more than \(error.limit) bytes")
        }
        if isClosed { return registry.remove(self) }
        if inputEnded || isStopping { return close() }
        wait(for: frames.isEmpty ? .firstByte : .restOfFrame)
        context?.read()
    }

    private func begin(_ frame: [UInt8]) {
        wait(for: .nothing)
        call = .notParsed
        guard frame.count > limits.longFrameBytes else { return start(frame) }
        turn = .awaited
        let begin = {
            self.turn = .taken
            self.start(frame)
        }
        if registry.turns.enter(peer.uid, begin) { begin() }
    }

    private func start(_ frame: [UInt8]) {
        task = Task {
            await self.process(frame)
            self.channel.eventLoop.execute {
                self.task = nil
                self.advance()
            }
        }
    }

    /// The frame was read, whatever came of it.
    private func leaveTurn() {
        guard turn == .taken else { return }
        turn = .notNeeded
        let next = registry.turns.leave(peer.uid)
        next?()
    }

    /// Runs outside the event loop: parsing a megabyte of JSON must not stop all the others.
    private func process(_ frame: [UInt8]) async {
        let message: CallMessage
        do throws(MalformedMessage) {
            message = try CallMessage(parsing: frame, maximumDepth: limits.maximumDepth)
        } catch {
            return await reject("not a Varlink call: \(error)")
        }
        guard await claim(message) else { return }
        let call = VarlinkCall(
            method: message.method, parameters: message.parameters, more: message.more,
            oneway: message.oneway, peer: peer, connection: id)
        let sink = ReplySink(self, for: call)
        do {
            do {
                let service = try registry.router.service(for: message)
                try await service.handle(call, VarlinkReplies(sink))
                try await sink.finish()
            } catch let error as VarlinkError {
                try await sink.fail(error)
            } catch let error as VarlinkReplies.Failure where error == .disconnected {
            } catch is CancellationError where Task.isCancelled {
            } catch {
                registry.log(.handlerFailed(method: call.method, peer: peer, error: error))
                try await sink.fail(.internalError)
            }
        } catch {
            // Nobody is left to be told.
        }
    }

    /// Notes what kind of call runs, and says whether it is to run at all.
    private func claim(_ message: CallMessage) async -> Bool {
        let kind: Call = message.oneway ? .oneway : message.more ? .stream : .single
        let claimed = channel.eventLoop.submit {
            self.call = kind
            self.leaveTurn()
            // Where the peer has closed right behind its frames, only what is oneway still counts.
            return kind == .oneway || !(self.isClosed || self.isStopping)
        }
        return (try? await claimed.get()) ?? false
    }

    private func reject(_ reason: String) async {
        let dropped = channel.eventLoop.submit { self.drop(answering: reason) }
        _ = try? await dropped.get()
    }

    /// Ends a connection that broke the protocol, with one last line that says so.
    private func drop(answering reason: String) {
        leaveTurn()
        frames.removeAll()
        isStopping = true
        guard !isClosed else { return registry.remove(self) }
        registry.log(.connectionDropped(peer: peer, reason: reason))
        let answer = VarlinkError(
            "org.varlink.service.InvalidParameter", ["parameter": .string("the call itself: " + reason)])
        enqueue(ByteBuffer(bytes: ReplyMessage.failure(answer))).whenComplete { _ in self.close() }
    }

    // MARK: Sending

    /// Hands a frame to the kernel; returns when it has taken all of it.
    /// - Throws: ``VarlinkReplies/Failure/disconnected``.
    func send(_ frame: [UInt8]) async throws(VarlinkReplies.Failure) {
        let buffer = ByteBuffer(bytes: frame)
        do {
            try await channel.eventLoop.flatSubmit { self.enqueue(buffer) }.get()
        } catch {
            throw .disconnected
        }
    }

    private func enqueue(_ frame: ByteBuffer) -> EventLoopFuture<Void> {
        guard let context, !isClosed else {
            return channel.eventLoop.makeFailedFuture(VarlinkReplies.Failure.disconnected)
        }
        guard registry.reserve(frame.readableBytes, for: peer.uid) else {
            registry.log(.connectionDropped(peer: peer, reason: "its user leaves too many replies unread"))
            close()
            return context.eventLoop.makeFailedFuture(VarlinkReplies.Failure.disconnected)
        }
        untakenBytes += frame.readableBytes
        if readerDeadline == nil { restartReaderDeadline() }
        var frame = frame
        var last = context.eventLoop.makeSucceededVoidFuture()
        while let piece = frame.readSlice(length: min(frame.readableBytes, Self.pieceBytes)),
            piece.readableBytes > 0
        {
            let count = piece.readableBytes
            let promise = context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.whenComplete { _ in self.taken(count) }
            context.write(wrapOutboundOut(piece), promise: promise)
            last = promise.futureResult
        }
        context.flush()
        return last
    }

    private func taken(_ count: Int) {
        registry.release(count, for: peer.uid)
        untakenBytes -= count
        readerDeadline?.cancel()
        readerDeadline = nil
        if untakenBytes > 0, !isClosed { restartReaderDeadline() }
    }

    // MARK: Deadlines

    private func restartReaderDeadline() {
        readerDeadline = channel.eventLoop.assumeIsolated().scheduleTask(
            in: TimeAmount(limits.slowReaderDeadline)
        ) {
            self.expire("it does not read its replies")
        }
    }

    private func wait(for what: Waiting) {
        guard what != waiting else { return }
        waiting = what
        waitDeadline?.cancel()
        waitDeadline = nil
        let (delay, reason): (Duration, String)
        switch what {
        case .nothing: return
        case .firstByte: (delay, reason) = (limits.idleDeadline, "it was idle")
        case .restOfFrame: (delay, reason) = (limits.frameDeadline, "the rest of a call did not come")
        }
        waitDeadline = channel.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) {
            self.expire(reason)
        }
    }

    private func expire(_ reason: String) {
        guard !isClosed else { return }
        registry.log(.connectionDropped(peer: peer, reason: reason))
        close()
    }

    private func cancelDeadlines() {
        waitDeadline?.cancel()
        readerDeadline?.cancel()
        waitDeadline = nil
        readerDeadline = nil
    }

    // MARK: Ending

    private func close() { context?.close(promise: nil) }

    /// The server stops: a call that ends by itself may end; a stream does not, so it ends now.
    func stop() {
        isStopping = true
        frames.removeAll()
        if task == nil { close() } else if call == .stream { task?.cancel() }
    }

    /// The server has waited long enough.
    func abort() {
        task?.cancel()
        close()
    }
}
