import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle

/// Serves `GET /metrics` over HTTP, to a scraper every some seconds.
///
/// One request a connection at a time, a few connections, headers of 16 KiB, half a minute of silence: whoever connects
/// costs no more than that. The page is made at most once a second, however many ask.
struct MetricsServer: Sendable {
    let address: MetricsAddress
    let families: @Sendable () async -> [MetricFamily]

    private static let mostConnections = 32
    private static let silence = TimeAmount.seconds(30)

    /// Until it is cancelled.
    ///
    /// - Parameter isListening: called once it does, with the port.
    func run(isListening: @Sendable (Int?) -> Void = { _ in }) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let page = MetricsPage(families)
        let counter = ConnectionCounter(limit: Self.mostConnections)
        do {
            let bootstrap = ServerBootstrap(group: group)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelInitializer { channel in
                    guard counter.begin() else { return channel.close() }
                    channel.closeFuture.whenComplete { _ in counter.end() }
                    return channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                            withPipeliningAssistance: true)
                        try channel.pipeline.syncOperations.addHandler(
                            IdleStateHandler(allTimeout: Self.silence))
                        try channel.pipeline.syncOperations.addHandler(MetricsHandler(page))
                    }
                }
            let channel =
                switch address {
                case .host(let host, let port): try await bootstrap.bind(host: host, port: port).get()
                case .path(let path):
                    try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true)
                        .get()
                }
            isListening(channel.localAddress?.port)
            try? await withTaskCancellationHandler {
                try await channel.closeFuture.get()
            } onCancel: {
                channel.close(promise: nil)
            }
            if case .path(let path) = address { unlink(path) }
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        try? await group.shutdownGracefully()
    }
}

/// The page, made at most once a second.
private actor MetricsPage {
    private let families: @Sendable () async -> [MetricFamily]
    private var last: (families: [MetricFamily], made: ContinuousClock.Instant)?

    init(_ families: @escaping @Sendable () async -> [MetricFamily]) { self.families = families }

    func text(_ form: MetricsText.Form) async -> String {
        if let last, .now - last.made < .seconds(1) { return MetricsText(last.families, form).text }
        let made = await families()
        last = (made, .now)
        return MetricsText(made, form).text
    }
}

/// On the event loop only.
private final class ConnectionCounter: @unchecked Sendable {
    // Of one thread: the group has one event loop.
    private var count = 0
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    func begin() -> Bool {
        guard count < limit else { return false }
        count += 1
        return true
    }

    func end() { count -= 1 }
}

/// One connection: a request, its answer, the next request.
private final class MetricsHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let page: MetricsPage
    private var head: HTTPRequestHead?
    private var bodyBytes = 0

    private static let mostBodyBytes = 64 << 10

    init(_ page: MetricsPage) { self.page = page }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            bodyBytes = 0
        case .body(let body):
            bodyBytes += body.readableBytes
            if bodyBytes > Self.mostBodyBytes { context.close(promise: nil) }
        case .end:
            guard let head else { return }
            self.head = nil
            answer(head, context)
        }
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let path = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
        guard path == "/metrics" else {
            return respond(
                context, head, .notFound, "text/plain; charset=utf-8", "memwatchd serves /metrics\n")
        }
        guard head.method == .GET || head.method == .HEAD else {
            return respond(context, head, .methodNotAllowed, "text/plain; charset=utf-8", "GET, please\n")
        }
        let form = MetricsText.Form(accept: head.headers["accept"].joined(separator: ","))
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.makeFutureWithTask { [page] in await page.text(form) }.whenSuccess { text in
            let (handler, context) = bound.value
            handler.respond(context, head, .ok, form.contentType, text)
        }
    }

    private func respond(
        _ context: ChannelHandlerContext, _ head: HTTPRequestHead, _ status: HTTPResponseStatus,
        _ type: String,
        _ text: String
    ) {
        guard context.channel.isActive else { return }
        var headers = HTTPHeaders([("Content-Type", type), ("Content-Length", "\(text.utf8.count)")])
        if status == .methodNotAllowed { headers.add(name: "Allow", value: "GET, HEAD") }
        if !head.isKeepAlive { headers.add(name: "Connection", value: "close") }
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: status, headers: headers))),
            promise: nil)
        if head.method != .HEAD {
            context.write(
                wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(string: text)))),
                promise: nil)
        }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let isKept = head.isKeepAlive
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            if !isKept { bound.value.close(promise: nil) }
        }
    }

    /// Silence, and what is no HTTP.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
