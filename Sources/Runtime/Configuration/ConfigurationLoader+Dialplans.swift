import Dialplan

extension ConfigurationLoader {
    /// The files that a dialplan is written in: the main one and each that it or another of them
    /// includes, once. Files of numbers and dates are none of them. Blocks on the disk.
    ///
    /// - Throws: `ConfigurationFailure` that names a file which cannot be read.
    public static func dialplans(
        of places: ConfigurationPlaces
    ) throws(ConfigurationFailure) -> [String] {
        let folder = Paths.folder(of: places.dialplan)
        var paths = [places.dialplan]
        var index = 0
        while index < paths.count {
            let name = index == 0 ? "the dialplan" : "a file that the dialplan includes"
            let text = try TextFile.read(paths[index], called: name)
            for included in Plan.includes(SourceFile(path: paths[index], text: text)) {
                // Beside the main file, whichever file includes it.
                let path = Paths.resolve(included, in: folder)
                if !paths.contains(path) { paths.append(path) }
            }
            index += 1
        }
        return paths
    }
}
