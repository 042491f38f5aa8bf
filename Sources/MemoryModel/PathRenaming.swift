/// The ids that names have since a ``PathTable`` threw out those that nobody had any more.
package struct PathRenaming: Hashable, Sendable {
    private let ids: [PathID]

    /// - Parameter ids: the new id for each raw value of the old ones; `none` for a name that is gone.
    package init(_ ids: [PathID]) { self.ids = ids }

    /// The id that a name has now; `none` for one that is gone.
    package func callAsFunction(_ id: PathID) -> PathID {
        let index = Int(id.rawValue)
        return index < ids.count ? ids[index] : .none
    }
}
