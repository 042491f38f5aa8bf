import Varlink

/// The page: a document, its style, its script, and the data as JSON, all in one file.
enum ReportPage {
    static func html(_ report: Report) -> [UInt8] {
        var bytes = Array(head.utf8)
        bytes += ReportStyle.css.utf8
        bytes += body.utf8
        // In an HTML document JSON is ended by "</": a process can be called that. < is written as an escape of the same
        // value.
        for byte in report.serialized() {
            if byte == UInt8(ascii: "<") { bytes += #"\u003c"#.utf8 } else { bytes.append(byte) }
        }
        bytes += scriptStart.utf8
        bytes += ReportScript.javaScript.utf8
        bytes += end.utf8
        return bytes
    }

    private static let head = """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
        <title>memwatch report</title>
        <style>

        """

    private static let body = """
        </style>
        </head>
        <body>
        <header>
        <h1 id="title">memwatch report</h1>
        <p id="span"></p>
        <button id="theme" type="button">Light or dark</button>
        </header>
        <main>
        <section aria-labelledby="words-title">
        <h2 id="words-title">Where the growth came from</h2>
        <p id="verdict"></p>
        <ul id="words"></ul>
        </section>
        <section aria-labelledby="kinds-title">
        <h2 id="kinds-title">Address space by kind</h2>
        <div id="legend" role="group" aria-label="Kinds that are drawn"></div>
        <svg id="kinds" class="chart" role="img" aria-label="Stacked areas: bytes of each kind over time"></svg>
        <svg id="marks" class="marks" role="img" aria-label="Events over time"></svg>
        <p class="hint">Move over a chart, or focus it and use the arrow keys, to move the line.</p>
        <div id="values"></div>
        </section>
        <section aria-labelledby="memory-title">
        <h2 id="memory-title">Virtual and in memory</h2>
        <svg id="memory" class="chart" role="img" aria-label="Lines: address space and resident memory over time"></svg>
        </section>
        <section aria-labelledby="map-title">
        <h2 id="map-title">The region map</h2>
        <label for="at">At</label>
        <input id="at" type="range" min="0" value="0" step="1">
        <output id="at-time" for="at"></output>
        <p id="map-note"></p>
        <div id="map" tabindex="0"></div>
        <h3>Largest regions</h3>
        <table id="top"></table>
        </section>
        <section aria-labelledby="diff-title">
        <h2 id="diff-title">What changed between two times</h2>
        <label>From <select id="from"></select></label>
        <label>to <select id="to"></select></label>
        <table id="diff"></table>
        </section>
        <section aria-labelledby="events-title">
        <h2 id="events-title">Events</h2>
        <p id="events-note"></p>
        <div class="scroll" tabindex="0"><table id="events"></table></div>
        </section>
        </main>
        <footer id="made"></footer>
        <script id="data" type="application/json">

        """

    private static let scriptStart = """

        </script>
        <script>

        """

    private static let end = """
        </script>
        </body>
        </html>

        """
}
