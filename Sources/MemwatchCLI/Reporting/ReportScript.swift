/// What the page does. Text of the process's reaches it as text (textContent), never as markup.
enum ReportScript {
    static let javaScript = #"""
        "use strict";
        (() => {
        const data = JSON.parse(document.getElementById("data").textContent);
        const $ = id => document.getElementById(id);
        const NS = "http://www.w3.org/2000/svg";
        const colours = ["#1f77b4", "#6baed6", "#3182bd", "#9ecae1", "#2ca02c", "#c51b8a", "#ff9f1c", "#e6550d", "#8c6bb1", "#bdbdbd", "#d9d9d9", "#de2d26", "#c7a76c", "#17becf", "#7f6a3a", "#525252", "#969696"];
        const since = Date.parse(data.since), until = Date.parse(data.until), span = Math.max(1, until - since);
        const width = 1000, height = 260, left = 64, bottom = 22;
        const shown = data.kinds.map(() => true);
        let cursor = data.points.length - 1;

        function size(bytes) {
            if (bytes === null || bytes === undefined) return "unknown";
            const sign = bytes < 0 ? "-" : "", units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
            let value = Math.abs(bytes), unit = 0;
            while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit++; }
            return sign + (unit ? value.toFixed(1) : value) + " " + units[unit];
        }
        function signed(bytes) { return (bytes > 0 ? "+" : "") + size(bytes); }
        function clock(offset) {
            const date = new Date(since + offset), pad = n => String(n).padStart(2, "0");
            const day = span > 20 * 3600e3 ? date.getFullYear() + "-" + pad(date.getMonth() + 1) + "-" + pad(date.getDate()) + " " : "";
            return day + pad(date.getHours()) + ":" + pad(date.getMinutes()) + ":" + pad(date.getSeconds()) + (span < 120e3 ? "." + String(date.getMilliseconds()).padStart(3, "0") : "");
        }
        function element(name, text, cls) {
            const node = document.createElement(name);
            if (text !== undefined) node.textContent = text;
            if (cls) node.className = cls;
            return node;
        }
        function shape(name, attributes) {
            const node = document.createElementNS(NS, name);
            for (const key in attributes) node.setAttribute(key, attributes[key]);
            return node;
        }
        const x = offset => left + (width - left) * Math.min(1, Math.max(0, offset / span));

        function frame(svg, most) {
            svg.replaceChildren();
            svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
            svg.setAttribute("preserveAspectRatio", "none");
            const step = niceStep(most);
            for (let value = 0; value <= most; value += step) {
                const y = (height - bottom) * (1 - value / most);
                svg.append(shape("line", { class: "grid", x1: left, x2: width, y1: y, y2: y }));
                const label = shape("text", { x: left - 6, y: Math.max(10, y + 4), "text-anchor": "end" });
                label.textContent = size(value);
                svg.append(label);
            }
            for (let part = 0; part <= 4; part++) {
                const label = shape("text", { x: left + (width - left) * part / 4, y: height - 6, "text-anchor": part === 0 ? "start" : part === 4 ? "end" : "middle" });
                label.textContent = clock(span * part / 4);
                svg.append(label);
            }
        }
        function niceStep(most) {
            let step = 1;
            while (most / step > 5) step *= 2;
            return Math.max(1, step);
        }
        function area(points, low, high, most) {
            const y = value => ((height - bottom) * (1 - value / most)).toFixed(1);
            let path = "", back = "";
            points.forEach((point, i) => {
                // A size holds until the next one: steps, not slopes.
                const at = x(point[0]).toFixed(1);
                if (i > 0) { path += `L${at} ${y(high[i - 1])}`; back = `L${at} ${y(low[i - 1])}` + back; }
                path += `${i ? "L" : "M"}${at} ${y(high[i])}`;
                back = `L${at} ${y(low[i])}` + back;
            });
            return path + back + "Z";
        }
        function drawKinds() {
            const svg = $("kinds");
            const totals = data.points.map(p => p[3].reduce((sum, bytes, k) => sum + (shown[k] ? bytes : 0), 0));
            const most = Math.max(1, ...totals) * 1.02;
            frame(svg, most);
            let low = data.points.map(() => 0);
            data.kinds.forEach((kind, k) => {
                if (!shown[k] || !data.points.some(p => p[3][k])) return;
                const high = data.points.map((p, i) => low[i] + p[3][k]);
                const path = shape("path", { d: area(data.points, low, high, most), fill: colours[k], "data-kind": kind });
                const title = shape("title", {});
                title.textContent = kind + " (" + data.origins[k] + ")";
                path.append(title);
                svg.append(path);
                low = high;
            });
            addCursor(svg);
        }
        function line(points, index, most) {
            let path = "";
            points.forEach((p, i) => {
                if (p[index] === null) return;
                const y = ((height - bottom) * (1 - p[index] / most)).toFixed(1), at = x(p[0]).toFixed(1);
                path += path ? `H${at}V${y}` : `M${at} ${y}`;
            });
            return path;
        }
        function drawMemory() {
            const svg = $("memory"), most = Math.max(1, ...data.points.map(p => p[1] || 0)) * 1.02;
            frame(svg, most);
            [[1, "#1f77b4", "virtual"], [2, "#de2d26", "in memory"]].forEach(([index, colour, name]) => {
                const path = shape("path", { d: line(data.points, index, most), fill: "none", stroke: colour, "stroke-width": 2, "vector-effect": "non-scaling-stroke", "data-line": name });
                const title = shape("title", {});
                title.textContent = name;
                path.append(title);
                svg.append(path);
            });
            addCursor(svg);
        }
        function drawMarks() {
            const svg = $("marks");
            svg.replaceChildren();
            svg.setAttribute("viewBox", `0 0 ${width} 26`);
            svg.setAttribute("preserveAspectRatio", "none");
            const most = Math.max(1, ...data.events.map(e => Math.abs(e[3] || 0)));
            data.events.forEach(e => {
                const tall = e[3] === null ? 22 : 4 + 16 * Math.sqrt(Math.abs(e[3]) / most), at = x(e[0]);
                const k = data.kinds.indexOf(e[2]);
                const mark = shape("line", { x1: at, x2: at, y1: 24 - tall, y2: 24, stroke: k < 0 ? "currentColor" : colours[k], "stroke-width": e[3] === null ? 2 : 1, "vector-effect": "non-scaling-stroke" });
                const title = shape("title", {});
                title.textContent = clock(e[0]) + " " + e[1] + " " + (e[2] || "") + " " + (e[3] === null ? "" : signed(e[3]));
                mark.append(title);
                svg.append(mark);
            });
            addCursor(svg);
        }
        function addCursor(svg) {
            svg.append(shape("line", { class: "cursor", y1: 0, y2: height - bottom }));
        }
        function moveCursor(index) {
            cursor = Math.min(data.points.length - 1, Math.max(0, index));
            const point = data.points[cursor];
            if (!point) return;
            document.querySelectorAll(".cursor").forEach(node => {
                node.setAttribute("x1", x(point[0]));
                node.setAttribute("x2", x(point[0]));
            });
            const values = $("values");
            values.replaceChildren(element("strong", clock(point[0])), element("span", "virtual " + size(point[1])), element("span", "in memory " + size(point[2])));
            point[3].map((bytes, k) => [bytes, k]).filter(([bytes]) => bytes).sort((a, b) => b[0] - a[0]).forEach(([bytes, k]) => values.append(element("span", data.kinds[k] + " " + size(bytes))));
        }
        function nearest(offset) {
            let low = 0, high = data.points.length - 1;
            while (low < high) {
                const middle = (low + high + 1) >> 1;
                if (data.points[middle][0] <= offset) low = middle; else high = middle - 1;
            }
            return low;
        }
        ["kinds", "memory", "marks"].forEach(id => {
            const svg = $(id);
            svg.setAttribute("tabindex", "0");
            svg.addEventListener("pointermove", event => {
                const box = svg.getBoundingClientRect();
                moveCursor(nearest((((event.clientX - box.left) / box.width) * width - left) / (width - left) * span));
            });
            svg.addEventListener("keydown", event => {
                const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -1e9, End: 1e9 };
                if (!(event.key in steps)) return;
                event.preventDefault();
                moveCursor(cursor + steps[event.key]);
            });
        });

        function legend() {
            data.kinds.forEach((kind, k) => {
                if (!data.points.some(p => p[3][k])) return;
                const button = element("button"), swatch = element("span", "", "swatch");
                button.type = "button";
                swatch.style.background = colours[k];
                button.append(swatch, kind);
                button.setAttribute("aria-pressed", "true");
                button.addEventListener("click", () => {
                    shown[k] = !shown[k];
                    button.setAttribute("aria-pressed", String(shown[k]));
                    drawKinds();
                    moveCursor(cursor);
                });
                $("legend").append(button);
            });
        }

        // Addresses have more digits than a number of JavaScript's.
        const bytesOf = region => Number(BigInt(region[1]) - BigInt(region[0]));
        const nameOf = region => region[4] || (region[5] ? "thread " + region[5] : "");
        function row(table, cells, head) {
            const tr = element("tr");
            cells.forEach(([text, cls]) => tr.append(element(head ? "th" : "td", text, cls)));
            table.append(tr);
            return tr;
        }
        function showMap(number) {
            const found = data.frames[number];
            if (!found) { $("map-note").textContent = "The history has no maps of this time."; return; }
            $("at-time").textContent = clock(found[0]);
            const regions = found[3].map(index => data.regions[index]);
            $("map-note").textContent = regions.length + " regions" + (found[1] ? ", and " + found[1] + " smaller ones of " + size(found[2]) + " that are not shown" : "");
            const map = $("map");
            map.replaceChildren();
            // High addresses above, as on a whiteboard.
            let above = null;
            [...regions].reverse().forEach(region => {
                const bytes = bytesOf(region);
                if (above !== null && BigInt(above) > BigInt(region[1])) {
                    map.append(element("div", size(Number(BigInt(above) - BigInt(region[1]))) + " unmapped", "gap"));
                }
                const block = element("div");
                block.style.borderLeftColor = colours[region[2]];
                block.style.minHeight = (1.25 + Math.max(0, Math.log2(bytes / 4096)) * 0.12) + "rem";
                block.append(element("span", region[0].slice(2), "address"), element("span", data.kinds[region[2]]), element("span", region[3]), element("span", nameOf(region)), element("span", size(bytes), "size"));
                map.append(block);
                above = region[0];
            });
            const top = $("top");
            top.replaceChildren();
            row(top, [["Size", "number"], ["Kind"], ["Permissions"], ["Address"], ["Name"]], true);
            [...regions].sort((a, b) => bytesOf(b) - bytesOf(a)).slice(0, 15).forEach(region => row(top, [[size(bytesOf(region)), "number"], [data.kinds[region[2]]], [region[3]], [region[0].slice(2), "address"], [nameOf(region)]]));
        }
        function showDiff() {
            const table = $("diff"), a = data.frames[$("from").value], b = data.frames[$("to").value];
            table.replaceChildren();
            if (!a || !b) return;
            row(table, [["Change", "number"], ["What"], ["Kind"], ["Address"], ["Name"]], true);
            const before = new Map(a[3].map(i => [data.regions[i][0] + data.regions[i][2], data.regions[i]]));
            const after = new Map(b[3].map(i => [data.regions[i][0] + data.regions[i][2], data.regions[i]]));
            const changes = [];
            after.forEach((region, key) => {
                const old = before.get(key);
                if (!old) changes.push([bytesOf(region), "appeared", region]);
                else if (bytesOf(old) !== bytesOf(region)) changes.push([bytesOf(region) - bytesOf(old), bytesOf(region) > bytesOf(old) ? "grew" : "shrank", region]);
            });
            before.forEach((region, key) => { if (!after.has(key)) changes.push([-bytesOf(region), "vanished", region]); });
            changes.sort((p, q) => Math.abs(q[0]) - Math.abs(p[0]));
            changes.slice(0, 60).forEach(([delta, what, region]) => {
                const tr = row(table, [[signed(delta), "number"], [what], [data.kinds[region[2]]], [region[0].slice(2), "address"], [nameOf(region)]]);
                if (delta > 0) tr.className = "grew";
            });
            const total = changes.reduce((sum, change) => sum + change[0], 0);
            row(table, [[signed(total), "number"], [changes.length ? "in " + changes.length + " changes" : "nothing changed"], [""], [""], [""]]);
        }
        function listEvents() {
            const table = $("events");
            $("events-note").textContent = data.events.length < data.event_count ? "The " + data.events.length + " largest of " + data.event_count.toLocaleString("en") + " events." : data.events.length + " events.";
            row(table, [["Time"], ["Event"], ["Kind"], ["Change", "number"], ["Size", "number"], ["Path"]], true);
            data.events.forEach(e => row(table, [[clock(e[0])], [e[1] + (e[6] ? " (over)" : "")], [e[2] || ""], [e[3] === null ? "" : signed(e[3]), "number"], [e[4] === null ? "" : size(e[4]), "number"], [e[5] || ""]]));
        }

        const name = (data.comm || "process") + " (" + data.pid + ")";
        document.title = name + ": memwatch report";
        $("title").textContent = name;
        $("span").textContent = clock(0) + " to " + clock(span) + ", " + data.samples.toLocaleString("en") + " samples";
        $("verdict").textContent = data.verdict;
        data.sentences.forEach(sentence => $("words").append(element("li", sentence)));
        $("made").textContent = "Made by memwatch " + data.version + " at " + new Date(data.made).toISOString();
        $("theme").addEventListener("click", () => {
            const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)").matches;
            const now = root.dataset.theme || (dark ? "dark" : "light");
            root.dataset.theme = now === "dark" ? "light" : "dark";
        });
        legend();
        drawKinds();
        drawMemory();
        drawMarks();
        moveCursor(cursor);
        const at = $("at");
        at.max = Math.max(0, data.frames.length - 1);
        at.value = at.max;
        at.addEventListener("input", () => showMap(Number(at.value)));
        showMap(Number(at.value));
        ["from", "to"].forEach((id, end) => {
            data.frames.forEach((found, number) => {
                const option = element("option", clock(found[0]));
                option.value = number;
                $(id).append(option);
            });
            $(id).value = end ? Math.max(0, data.frames.length - 1) : 0;
            $(id).addEventListener("change", showDiff);
        });
        showDiff();
        listEvents();
        document.body.dataset.ready = "true";
        })();

        """#
}
