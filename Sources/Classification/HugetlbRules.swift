/// hugetlb: pages from the reserved pool, by mmap(MAP_HUGETLB), shmget(SHM_HUGETLB),
/// memfd_create(MFD_HUGETLB) or a file on a hugetlbfs. (Transparent huge pages are ordinary
/// memory and need no kind.)
enum HugetlbRules {
    static func isHugetlb(_ name: AreaName, on filesystem: Filesystem) -> Bool {
        filesystem == .hugetlbfs || (name == .hugePages && filesystem.mayBeInternal)
    }
}
