import NIOCore
import Synchronization

/// A client's end of a connection: sends calls, and hands reply frames to whoever's turn it is.
///
/// The socket is read only while somebody waits for a frame, so a slow consumer slows the
/// server down instead of filling our memory.
///
/// `@unchecked Sendable`: every stored variable is used on the event loop only; the functions
/// called from elsewhere hop there first.
final class ClientConnection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A call's place in the order of answers.
    struct Ticket: Hashable, Sendable { fileprivate let number: UInt64 }

    let maximumDepth = 64
    private let eventLoop: any EventLoop
    private var frames: FrameBuffer
    private var channel: (any Channel)?
    private var isClosed = false
    private var isReading = false
    /// Calls that are not answered to their end, in order; the first is being answered.
    private var open: [Ticket] = []
    private var waiters: [Ticket: EventLoopPromise<[UInt8]>] = [:]
    private let lastTicket = Atomic<UInt64>(0)

    init(eventLoop: any EventLoop, maximumReplyBytes: Int) {
        self.eventLoop = eventLoop
        frames = FrameBuffer(limit: maximumReplyBytes)
    }

    func attach(to channel: any Channel) throws {
        self.channel = channel
        channel.closeFuture.whenComplete { _ in self.closed() }
        try channel.pipeline.syncOperations.addHandler(self)
    }

    // MARK: Calls

    /// Makes a call whose replies ``nextFrame(for:)`` gives. Its failure is told there too.
    func begin(_ message: CallMessage) -> Ticket {
        let ticket = Ticket(number: lastTicket.wrappingAdd(1, ordering: .relaxed).newValue)
        let frame = ByteBuffer(bytes: message.serialized())
        eventLoop.execute {
            self.open.append(ticket)
            self.write(frame, promise: nil)
        }
        return ticket
    }

    /// Makes a call that has no replies; returns when the kernel has taken it.
    func send(_ message: CallMessage) async throws(VarlinkClientError) {
        let frame = ByteBuffer(bytes: message.serialized())
        let promise = eventLoop.makePromise(of: Void.self)
        eventLoop.execute { self.write(frame, promise: promise) }
        do { try await promise.futureResult.get() } catch { throw .disconnected }
    }

    /// The next reply to that call; waits until the calls before it are answered.
    func nextFrame(for ticket: Ticket) async throws -> [UInt8] {
        let promise = eventLoop.makePromise(of: [UInt8].self)
        eventLoop.execute {
            self.waiters[ticket] = promise
            self.serve()
        }
        return try await promise.futureResult.get()
    }

    /// That call is answered; the next one's turn comes.
    func end(_ ticket: Ticket) {
        eventLoop.execute {
            self.open.removeAll { $0 == ticket }
            self.serve()
        }
    }

    private func write(_ frame: ByteBuffer, promise: EventLoopPromise<Void>?) {
        guard let channel, !isClosed else {
            promise?.fail(VarlinkClientError.disconnected)
            return
        }
        channel.writeAndFlush(frame, promise: promise)
    }

    private func serve() {
        guard let ticket = open.first, let waiter = waiters[ticket] else {
            if isClosed { failWaiters() }
            return
        }
        do throws(FrameBuffer.TooLong) {
            if let frame = try frames.next() {
                waiters[ticket] = nil
                return waiter.succeed(frame)
            }
        } catch {
            waiters[ticket] = nil
            waiter.fail(
                VarlinkClientError.malformedReply(reason: "it is longer than \(error.limit) bytes"))
            return close()
        }
        if isClosed { return failWaiters() }
        if !isReading {
            isReading = true
            channel?.read()
        }
    }

    private func failWaiters() {
        let waiters = self.waiters
        self.waiters = [:]
        for waiter in waiters.values { waiter.fail(VarlinkClientError.disconnected) }
    }

    // MARK: From the channel

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var received = unwrapInboundIn(data)
        frames.append(&received)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        serve()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func closed() {
        isClosed = true
        channel = nil
        serve()
    }

    // MARK: Ending

    func close() { eventLoop.execute { self.channel?.close(promise: nil) } }

    func closeAndWait() async {
        let closed = eventLoop.flatSubmit { () -> EventLoopFuture<Void> in
            guard let channel = self.channel else { return self.eventLoop.makeSucceededVoidFuture() }
            channel.close(promise: nil)
            return channel.closeFuture
        }
        _ = try? await closed.get()
    }
}
