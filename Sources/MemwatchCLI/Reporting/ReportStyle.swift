/// How the page looks, by light and by dark.
enum ReportStyle {
    static let css = """
        :root { color-scheme: light; --back: #fff; --fore: #1b1b1f; --dim: #6b6b76; --line: #d9d9e0; --mark: #b3261e; --focus: #1a56db; }
        @media (prefers-color-scheme: dark) { :root:not([data-theme=light]) { color-scheme: dark; --back: #16171b; --fore: #e8e8ee; --dim: #9a9aa8; --line: #34353d; --mark: #ff8a80; --focus: #8ab4ff; } }
        :root[data-theme=dark] { color-scheme: dark; --back: #16171b; --fore: #e8e8ee; --dim: #9a9aa8; --line: #34353d; --mark: #ff8a80; --focus: #8ab4ff; }
        * { box-sizing: border-box; }
        body { margin: 0 auto; max-width: 72rem; padding: 1rem; background: var(--back); color: var(--fore); font: 15px/1.45 system-ui, sans-serif; }
        header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 1rem; }
        h1 { font-size: 1.4rem; margin: 0; overflow-wrap: anywhere; }
        h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line); }
        h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
        #span, .hint, footer, #map-note, #events-note { color: var(--dim); margin: .25rem 0; }
        #theme { margin-left: auto; }
        #verdict { font-weight: 600; }
        button, select, input { font: inherit; color: inherit; background: var(--back); border: 1px solid var(--line); border-radius: 4px; padding: .15rem .5rem; }
        :focus-visible { outline: 2px solid var(--focus); outline-offset: 1px; }
        .chart { display: block; width: 100%; height: 260px; }
        .marks { display: block; width: 100%; height: 26px; }
        .chart text { fill: var(--dim); font-size: 11px; }
        .grid { stroke: var(--line); stroke-width: 1; }
        .cursor { stroke: var(--fore); stroke-width: 1; stroke-dasharray: 3 2; }
        #legend { display: flex; flex-wrap: wrap; gap: .25rem; margin-bottom: .5rem; }
        #legend button { display: flex; align-items: center; gap: .35rem; font-size: .85rem; }
        #legend button[aria-pressed=false] { opacity: .45; text-decoration: line-through; }
        .swatch { display: inline-block; width: .8em; height: .8em; border-radius: 2px; }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .88rem; }
        th, td { text-align: left; padding: .1rem .6rem .1rem 0; vertical-align: top; overflow-wrap: anywhere; }
        th { color: var(--dim); font-weight: 500; position: sticky; top: 0; background: var(--back); }
        td.number, th.number { text-align: right; white-space: nowrap; }
        td.address { font-family: ui-monospace, monospace; white-space: nowrap; }
        #values { display: flex; flex-wrap: wrap; gap: .1rem 1rem; font-size: .88rem; min-height: 1.5em; }
        #at { width: min(40rem, 70%); vertical-align: middle; }
        #map { max-height: 26rem; overflow-y: auto; border: 1px solid var(--line); font-size: .82rem; }
        #map div { display: flex; gap: .6rem; align-items: center; padding: 0 .5rem; border-left: .6rem solid; min-height: 1.25rem; }
        #map div.gap { border-left-color: transparent; color: var(--dim); justify-content: center; }
        #map .address { font-family: ui-monospace, monospace; color: var(--dim); }
        #map .size { margin-left: auto; white-space: nowrap; }
        .scroll { max-height: 22rem; overflow-y: auto; border: 1px solid var(--line); padding: 0 .5rem; }
        .grew { color: var(--mark); }

        """
}
