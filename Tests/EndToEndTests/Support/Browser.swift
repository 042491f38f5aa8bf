import Glibc
import TestSupport
import Varlink

/// A real Chromium without a window, driven by the WebDriver protocol (W3C), which is JSON over HTTP.
final class Browser {
    private let driver: ChildProcess
    private let base: String
    private var session = ""
    private let profile: TemporaryDirectory

    init(width: Int = 1_100, height: Int = 1_600) throws {
        profile = try TemporaryDirectory()
        let port = try freePort()
        base = "http://127.0.0.1:\(port)"
        driver = try ChildProcess("chromedriver", ["--port=\(port)"])
        // As root there is no sandbox, and /dev/shm may be small.
        let arguments: [JSON] = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            .string("--user-data-dir=" + profile.path), .string("--window-size=\(width),\(height)"),
        ]
        let capabilities: JSON = [
            "capabilities": ["alwaysMatch": ["goog:chromeOptions": ["args": .array(arguments)]]]
        ]
        let made = try post(
            "/session", capabilities, "--retry", "50", "--retry-connrefused", "--retry-delay", "0")
        guard let id = made["sessionId"]?.stringValue else { throw TestFailure("no browser: \(made)") }
        session = "/session/" + id
    }

    deinit {
        _ = try? run("curl", ["-sS", "-X", "DELETE", base + session])
        driver.signal(SIGKILL)
    }

    private func post(_ path: String, _ body: JSON, _ options: String...) throws -> JSON {
        let answer = try run(
            "curl",
            ["-sS"] + options + [
                "-X", "POST", "-H", "Content-Type: application/json", "-d", body.jsonText, base + path,
            ])
        let value = try JSON(parsing: answer)["value"] ?? .null
        if let error = value["error"]?.stringValue {
            throw TestFailure("\(path): \(error): \(value["message"]?.stringValue ?? "")")
        }
        return value
    }

    func open(_ url: String) throws { _ = try post(session + "/url", ["url": .string(url)]) }

    /// The value that a script of a page returns: `return document.title`.
    func script(_ text: String) throws -> JSON {
        try post(session + "/execute/sync", ["script": .string(text), "args": []])
    }

    func text(_ selector: String) throws -> String {
        try script("return document.querySelector(\(JSON.string(selector).jsonText)).innerText").stringValue
            ?? ""
    }

    func count(_ selector: String) throws -> Int64 {
        try script("return document.querySelectorAll(\(JSON.string(selector).jsonText)).length").integerValue
            ?? -1
    }

    func click(_ selector: String) throws { _ = try post(element(selector) + "/click", [:]) }

    /// Keys as a person presses them; `\u{e012}` and the like are WebDriver's names of those without a character.
    func press(_ keys: String, on selector: String) throws {
        _ = try post(element(selector) + "/value", ["text": .string(keys)])
    }

    private func element(_ selector: String) throws -> String {
        let found = try post(session + "/element", ["using": "css selector", "value": .string(selector)])
        guard let id = found.objectValue?.first(where: { _ in true })?.1.stringValue else {
            throw TestFailure("no \(selector)")
        }
        return session + "/element/" + id
    }

    /// A PNG of what is shown, in base64.
    func screenshot() throws -> String {
        let answer = try run("curl", ["-sS", base + session + "/screenshot"])
        return try JSON(parsing: answer)["value"]?.stringValue ?? ""
    }
}

extension Browser {
    static let left = "\u{e012}"
    static let home = "\u{e011}"
}
