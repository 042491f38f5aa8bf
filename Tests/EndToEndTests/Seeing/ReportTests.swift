import TestSupport
import Testing
import Varlink

@Suite(
    "The report, in a real browser", .requiresTool("chromedriver"), .requiresTool("curl"),
    .timeLimit(.minutes(5)))
struct ReportTests {
    /// A daemon with the history of a program that grew and mapped, and its page.
    private struct Written {
        let daemon: Daemon
        let directory = TemporaryDirectoryBox()
        let pid: Int32
        var page: String { directory.path + "/report.html" }

        init(_ memgrow: Memgrow, steps: Int) throws {
            daemon = try Daemon(Daemon.quiet)
            pid = memgrow.pid
            let follower = try daemon.attach(pid)
            for _ in 0..<steps { _ = try memgrow.step() }
            let ticks = try daemon.status()["ticks"]?.integerValue ?? 0
            try daemon.status { ($0["ticks"]?.integerValue ?? 0) > ticks + 3 }
            _ = try daemon.output("report", "\(pid)", "-o", page)
            try follower.end()
        }
    }

    @Test(
        "shows what history has: its peak, its kinds, its regions, its words; and asks nothing of any network"
    )
    func shows() throws {
        let memgrow = try Memgrow("malloc", "--size", "64KiB", "--count", "60", "--step", "--hold")
        let written = try Written(memgrow, steps: 60)
        let browser = try Browser()
        try browser.open("file://" + written.page)
        #expect(try browser.script("return document.body.dataset.ready") == "true")
        #expect(try browser.text("#title") == "memgrow (\(written.pid))")
        #expect(try browser.script("return performance.getEntriesByType('resource').length") == 0)
        let samples = try written.daemon.records("history", "\(written.pid)")
        let sizes = samples.compactMap { $0["vm_size"]?.integerValue }
        let peak = try #require(sizes.max())
        let script =
            "return Math.max(...JSON.parse(document.getElementById('data').textContent).points.map(p => p[1]))"
        #expect(try browser.script(script) == .integer(peak))
        let kinds = try #require(samples.last?["kinds"]?.objectValue).filter { $0.1 != 0 }
        #expect(try browser.count("#kinds path") == Int64(kinds.count))
        #expect(try browser.text("#map").contains("[heap]") && browser.text("#top").contains("heap"))
        #expect(try browser.text("#words").contains("heap (brk)"))
        #expect(try browser.text("#events").contains("brk-grow"))
        #expect(try browser.text("#diff").contains("grew"))
        #expect(try browser.screenshot().utf8.count > 20_000)
        #expect(try readBytes(written.page).count < 2 << 20)
    }

    @Test("by keyboard and by mouse: the line, the slider, the kinds, the two times, light and dark")
    func interacts() throws {
        let memgrow = try Memgrow("malloc", "--size", "64KiB", "--count", "60", "--step", "--hold")
        let written = try Written(memgrow, steps: 60)
        let browser = try Browser()
        try browser.open("file://" + written.page)
        // The line moves by keys, from the last sample to the first.
        let last = try browser.text("#values")
        try browser.press(Browser.home, on: "#kinds")
        #expect(try browser.text("#values") != last)
        // The slider, one step to the left.
        let time = try browser.text("#at-time")
        try browser.press(Browser.left, on: "#at")
        #expect(try browser.text("#at-time") != time)
        // At the beginning the heap was smaller.
        try browser.press(Browser.home, on: "#at")
        #expect(try !browser.text("#top").contains(try heap(written, at: "last")))
        // A kind that is switched off is not drawn.
        let areas = try browser.count("#kinds path")
        try browser.click("#legend button")
        #expect(try browser.count("#kinds path") == areas - 1)
        #expect(try browser.count("#legend button[aria-pressed=false]") == 1)
        // The same time twice: nothing changed.
        _ = try browser.script(
            "const f = document.getElementById('from'); f.value = document.getElementById('to').value; f.dispatchEvent(new Event('change'))"
        )
        #expect(try browser.text("#diff").contains("nothing changed"))
        let back = "return getComputedStyle(document.body).backgroundColor"
        let before = try browser.script(back)
        try browser.click("#theme")
        #expect(try browser.script(back) != before)
    }

    @Test("a name that would be markup is text")
    func hostileName() throws {
        let program = try CProgram(
            """
            #include <stdio.h>
            #include <sys/prctl.h>
            int main(void) {
                prctl(PR_SET_NAME, "</script><i>x");
                puts("ready");
                fflush(stdout);
                getchar();
                return 0;
            }
            """)
        let child = try program.start()
        let daemon = try Daemon(Daemon.quiet)
        let follower = try daemon.attach(child.pid)
        let directory = try TemporaryDirectory()
        let page = directory.file("report.html")
        _ = try daemon.output("report", "\(child.pid)", "-o", page)
        let browser = try Browser()
        try browser.open("file://" + page)
        #expect(try browser.text("#title") == "</script><i>x (\(child.pid))")
        #expect(try browser.count("i") == 0)
        try follower.end()
    }

    @Test("what cannot be written, and a process without history, is one line and leaves nothing")
    func refused() throws {
        let daemon = try Daemon(Daemon.quiet)
        let directory = try TemporaryDirectory()
        let nobody = try daemon.run("report", "1", "-o", directory.file("x.html"))
        #expect(nobody.exit == .status(66) && nobody.failed(66))
        #expect(try TestSupport.run("ls", ["-A", directory.path]) == "")
        #expect(try daemon.run("report", "1").exit == .status(64))
    }

    private func heap(_ written: Written, at: String) throws -> String {
        let summary = try written.daemon.output("regions", "\(written.pid)", "--at", "now", "--kind", "heap")
        return String(try #require(summary.split(separator: "\n").dropFirst().first).split(separator: " ")[1])
    }
}

/// A directory that a value type can own.
private final class TemporaryDirectoryBox {
    private let directory = try? TemporaryDirectory()
    var path: String { directory?.path ?? "/nonexistent" }
}
