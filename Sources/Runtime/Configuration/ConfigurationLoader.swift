import Charging
import Dialplan
import Foundation
import Switching

/// Reads `tandem.yaml` and every file it names, and checks all of it: a full load minus the sockets.
///
/// Blocks on the disk and compiles the dialplan, so never on the loop's thread.
public enum ConfigurationLoader {
    /// The longest `tandem.yaml`, in bytes.
    public static let configurationLimit = 1 << 20

    /// - Parameters:
    ///   - path: of `tandem.yaml`; relative to the current folder.
    ///   - dialplan: texts to take in place of the dialplan's files; nil reads the files.
    ///   - arePricesBinding: false only warns of `expect` lines that the stored prices do not meet.
    /// - Throws: `ConfigurationFailure` with everything that is wrong.
    public static func load(
        path: String, dialplan: DialplanTexts? = nil, arePricesBinding: Bool = true
    ) throws(ConfigurationFailure) -> LoadedConfiguration {
        let (loaded, diagnostics) = read(path: path, dialplan, arePricesBinding)
        guard let loaded else { throw ConfigurationFailure(diagnostics: diagnostics) }
        return loaded
    }

    /// What `load` does, and the lists for the first run too: extensions and tariff.
    ///
    /// - Returns: every diagnostic, warnings among them; all is well when none is an error.
    public static func check(path: String) -> [Diagnostic] {
        var (loaded, diagnostics) = read(path: path)
        guard let loaded else { return diagnostics }
        if let file = loaded.extensionsCSV {
            diagnostics += read(file, "the list of extensions") { text in
                ExtensionFile(text: text, file: Paths.shown(file), plan: loaded.configuration.plan)
                    .diagnostics
            }
        }
        if let file = loaded.tariffCSV {
            diagnostics += read(file, "the tariff") { text in
                Tariff.parse(csv: text, file: Paths.shown(file)).diagnostics.map { found in
                    Diagnostic(
                        severity: .error, file: found.file, line: found.line,
                        column: found.column, message: found.message,
                        sourceLine: line(found.line, of: text))
                }
            }
        }
        return diagnostics
    }

    /// Only where things are, for a command that asks the daemon: no dialplan is read, and a wrong
    /// setting elsewhere in the file does not matter.
    ///
    /// - Throws: `ConfigurationFailure` when the file cannot be read or names no data folder.
    public static func places(path: String) throws(ConfigurationFailure) -> ConfigurationPlaces {
        let (file, diagnostics) = readFile(path: path)
        guard let places = file?.places else {
            throw ConfigurationFailure(diagnostics: diagnostics)
        }
        return places
    }

    /// The site's time zone as the dialplan names it, found without compiling it: a table must show
    /// the site's times even while somebody is editing the plan.
    ///
    /// - Returns: an IANA name that this machine knows, or nil.
    public static func timezone(of places: ConfigurationPlaces) -> String? {
        do throws(ConfigurationFailure) {
            if let name = timezone(in: try TextFile.read(places.dialplan, called: "the dialplan")) {
                return name
            }
            // The site may stand in a file that the main one includes; the first of them counts.
            for path in try dialplans(of: places).dropFirst() {
                if let name = timezone(in: try TextFile.read(path, called: "the dialplan")) {
                    return name
                }
            }
            return nil
        } catch {
            return nil
        }
    }

    private static func timezone(in text: String) -> String? {
        for line in text.split(separator: "\n") {
            let code = line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line
            let words = code.split { " \t{}\r".contains($0) }
            for (word, next) in zip(words, words.dropFirst()) where word == "timezone" {
                let name = String(next)
                return TimeZone(identifier: name) == nil ? nil : name
            }
        }
        return nil
    }

    // MARK: Steps

    private static func readFile(path: String) -> (ConfigurationFile?, [Diagnostic]) {
        do throws(ConfigurationFailure) {
            let text = try TextFile.read(
                path, limit: configurationLimit, called: "the configuration")
            let file = ConfigurationFile(text: text, file: path, folder: Paths.folder(of: path))
            return (file, file.diagnostics)
        } catch {
            return (nil, error.diagnostics)
        }
    }

    private static func read(
        path: String, _ dialplan: DialplanTexts? = nil, _ arePricesBinding: Bool = true
    ) -> (LoadedConfiguration?, [Diagnostic]) {
        var (file, diagnostics) = readFile(path: path)
        guard let file, let places = file.places else { return (nil, diagnostics) }
        // Without its trunks every route of a plan is wrong, and none of it the plan's fault.
        guard var settings = file.settings else { return (nil, diagnostics) }
        diagnostics += readTrunkTariffs(&settings)
        let source = DialplanSource(path: places.dialplan, kept: dialplan)
        let prices = PlanPrices(tariffCSV: places.tariffCSV, dataFolder: places.dataFolder)
        var context = context(settings, prices)
        context.arePricesBinding = arePricesBinding
        let (plan, found) = source.compiled(context: context)
        diagnostics += found + remarks(of: prices, places)
        guard let plan, !diagnostics.contains(where: { $0.severity == .error }) else {
            return (nil, diagnostics)
        }
        let loaded = LoadedConfiguration(
            path: Paths.resolve(path, in: FileManager.default.currentDirectoryPath),
            configuration: Configuration(settings: settings, plan: plan),
            dataFolder: places.dataFolder, controlSocket: places.controlSocket,
            extensionsCSV: places.extensionsCSV, tariffCSV: places.tariffCSV,
            dialplan: source.texts, tls: file.tls, diagnostics: diagnostics)
        return (loaded, diagnostics)
    }

    /// The texts of the dialplan as its files hold them now, right or wrong; nil when the main file
    /// cannot be read.
    static func texts(path: String) -> DialplanTexts? {
        guard let places = readFile(path: path).0?.places else { return nil }
        let source = DialplanSource(path: places.dialplan, kept: nil)
        _ = source.compiled(context: PlanContext(trunks: []))
        return source.texts.main.isEmpty ? nil : source.texts
    }

    /// Runs the `expect` lines of the dialplan, as every load does, and tells of each.
    ///
    /// - Returns: none when the plan or the configuration has other errors; and every diagnostic.
    public static func test(
        path: String
    ) -> (expectations: [ExpectationResult], diagnostics: [Diagnostic]) {
        var (file, diagnostics) = readFile(path: path)
        guard let file, let places = file.places, var settings = file.settings else {
            return ([], diagnostics)
        }
        diagnostics += readTrunkTariffs(&settings)
        let source = DialplanSource(path: places.dialplan, kept: nil)
        let prices = PlanPrices(tariffCSV: places.tariffCSV, dataFolder: places.dataFolder)
        let (expectations, found) = source.tested(context: context(settings, prices))
        return (expectations, diagnostics + found + remarks(of: prices, places))
    }

    private static func context(_ settings: Settings, _ prices: PlanPrices) -> PlanContext {
        PlanContext(
            trunks: settings.trunks.map {
                PlanContext.Trunk(name: $0.name, isE1: $0.kind == .e1)
            },
            prices: prices.prices,
            cost: { [tariffs = settings.trunkTariffs, gateways = settings.lineGateways] in
                cost(of: $0, by: $1, at: $2, tariffs, gateways)
            },
            knowsTimezone: { TimeZone(identifier: $0) != nil })
    }

    private static func remarks(
        of prices: PlanPrices, _ places: ConfigurationPlaces
    ) -> [Diagnostic] {
        guard let problem = prices.problem else { return [] }
        return [
            Diagnostic(
                severity: .warning, file: Paths.shown(places.dialplan), line: 1, column: 1,
                message: "prices were checked by the tariff file, since the stored price lists "
                    + "cannot be read: \(problem)", sourceLine: "")
        ]
    }

    /// What the operator of a way takes for a call that is made at a time of the site's clock.
    private static func cost(
        of number: String, by way: RouteChoice.Via, at time: CivilTime,
        _ tariffs: [String: Tariff], _ gateways: [LineGatewaySettings]
    ) -> Int64? {
        let trunk: String?
        switch way {
        case .trunk(let name): trunk = name
        case .line(let line):
            trunk =
                (gateways.first { $0.lines.contains { $0.contains(line) } }
                ?? gateways.first { $0.lines.isEmpty })?.trunk
        // Which of them is free is not known: as a rule they are plugged into one gateway.
        case .lines: trunk = gateways.first?.trunk
        }
        guard let day = CivilDay(year: time.year, month: time.month, day: time.day) else {
            return nil
        }
        let seconds = Int64(day.number) * 86_400 + Int64(time.minuteOfDay) * 60
        return trunk.flatMap { tariffs[$0] }?.comparedPrice(
            of: number, at: seconds * 1_000_000, offset: UTCOffset(seconds: 0))
    }

    /// What the operators of trunks take, for routes by least cost.
    private static func readTrunkTariffs(_ settings: inout Settings) -> [Diagnostic] {
        var diagnostics: [Diagnostic] = []
        for trunk in settings.trunks {
            guard let path = trunk.tariffFile else { continue }
            diagnostics += read(path, "the tariff of trunk \(trunk.name)") { text in
                let parsed = Tariff.parse(csv: text, file: Paths.shown(path))
                settings.trunkTariffs[trunk.name] = parsed.tariff
                return parsed.diagnostics.map { found in
                    Diagnostic(
                        severity: .error, file: found.file, line: found.line,
                        column: found.column, message: found.message,
                        sourceLine: line(found.line, of: text))
                }
            }
        }
        return diagnostics + mixedCurrencies(settings)
    }

    /// Prices in several currencies cannot be compared.
    private static func mixedCurrencies(_ settings: Settings) -> [Diagnostic] {
        var first: (trunk: String, currency: String)?
        for trunk in settings.trunks {
            guard let path = trunk.tariffFile, let tariff = settings.trunkTariffs[trunk.name]
            else { continue }
            let currency = tariff.currency ?? settings.currency
            guard let known = first, known.currency != currency else {
                first = first ?? (trunk.name, currency)
                continue
            }
            return [
                Diagnostic(
                    severity: .error, file: Paths.shown(path), line: 1, column: 1,
                    message: "the operator of trunk \(trunk.name) takes \(currency), that of trunk"
                        + " \(known.trunk) \(known.currency): which is cheaper cannot be told",
                    suggestion: "write the tariffs of all trunks in one currency", sourceLine: "")
            ]
        }
        return []
    }

    private static func read(
        _ path: String, _ name: String, _ check: (String) -> [Diagnostic]
    ) -> [Diagnostic] {
        do throws(ConfigurationFailure) {
            return check(try TextFile.read(path, called: name))
        } catch {
            return error.diagnostics
        }
    }

    private static func line(_ number: Int, of text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.indices.contains(number - 1) ? String(lines[number - 1]) : ""
    }
}
