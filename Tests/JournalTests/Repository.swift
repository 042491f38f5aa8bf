/// The checkout's root, from where this file was compiled.
func repositoryRoot(_ file: String = #filePath) -> String {
    file.split(separator: "/").dropLast(3).reduce(into: "") { $0 += "/" + $1 }
}
