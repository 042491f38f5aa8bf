/// The characters of a drawing.
struct MapGlyphs {
    var vertical: String
    var horizontal: String
    var dashes: String
    var topLeft: String
    var topRight: String
    var left: String
    var right: String
    var bottomLeft: String
    var bottomRight: String
    var up: String
    var down: String
    var full: String
    var empty: String
    var ellipsis: String

    static let unicode = MapGlyphs(
        vertical: "│", horizontal: "─", dashes: "┄", topLeft: "┌", topRight: "┐", left: "├", right: "┤",
        bottomLeft: "└", bottomRight: "┘", up: "↑", down: "↓", full: "█", empty: "░", ellipsis: "…")

    static let ascii = MapGlyphs(
        vertical: "|", horizontal: "-", dashes: ".", topLeft: "+", topRight: "+", left: "+", right: "+",
        bottomLeft: "+", bottomRight: "+", up: "^", down: "v", full: "#", empty: ".", ellipsis: "~")
}
