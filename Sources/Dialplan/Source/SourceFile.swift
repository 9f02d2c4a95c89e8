/// A text of the plan and the path it is called by in diagnostics.
public struct SourceFile: Hashable, Sendable {
    public var path: String
    public var text: String

    public init(path: String, text: String) {
        self.path = path
        self.text = text
    }
}

/// Everything a plan is compiled from: its main file, and a way to get at the files it names.
public struct PlanSources: Sendable {
    public var main: SourceFile
    /// The text of a file by the name it is written with in the plan (`from "suburban.numbers"`),
    /// or nil where there is none. The shell looks beside the main file.
    public var included: @Sendable (String) -> String?
    /// Why a file has no text that can be read, where it is there; asked when `included` gave none.
    public var unreadable: @Sendable (String) -> String?

    public init(
        main: SourceFile, included: @escaping @Sendable (String) -> String?,
        unreadable: @escaping @Sendable (String) -> String? = { _ in nil }
    ) {
        self.main = main
        self.included = included
        self.unreadable = unreadable
    }

    /// - Parameter included: texts by the names they are written with in the plan.
    public init(main: SourceFile, included: [String: String] = [:]) {
        self.init(main: main, included: { included[$0] })
    }
}

/// What the plan may refer to but does not define: the ways out of the configuration, and prices.
public struct PlanContext: Sendable {
    /// What a call costs, in millionths of the currency unit; nil where it has no price.
    ///
    /// - Parameters:
    ///   - number: in its normalised form.
    ///   - way: the trunk's name, or `line`.
    ///   - time: when the call begins, by the main site's clock.
    public typealias Price =
        @Sendable (
            _ number: String, _ way: String, _ time: CivilTime, _ milliseconds: Int64
        ) -> Int64?

    /// What the operator of a way takes for a call, for routes by cost: in millionths, nil where that is
    /// not known.
    ///
    /// - Parameters:
    ///   - number: in its normalised form.
    ///   - time: when the call is made, by the site's clock.
    public typealias Cost =
        @Sendable (_ number: String, _ way: RouteChoice.Via, _ time: CivilTime) -> Int64?

    /// In the order of the configuration, which is the order emergency calls try them.
    public var trunks: [Trunk]

    /// For `expect` lines about prices and balances, asked for when there is one; nil leaves those
    /// unchecked.
    public var prices: @Sendable () -> Price?
    /// For `expect` lines about ways that are tried by cost; nil takes them in the order they are written.
    public var cost: Cost?
    /// Whether an `expect` line about prices that does not hold is an error. At a start it is a warning: the
    /// prices may have changed since the plan was taken, and no telephone is no answer to that.
    public var arePricesBinding = true
    /// Whether this machine has a time zone of that IANA name.
    public var knowsTimezone: @Sendable (String) -> Bool

    public init(
        trunks: [Trunk], prices: @escaping @Sendable () -> Price? = { nil }, cost: Cost? = nil,
        knowsTimezone: @escaping @Sendable (String) -> Bool = { _ in true }
    ) {
        self.trunks = trunks
        self.prices = prices
        self.cost = cost
        self.knowsTimezone = knowsTimezone
    }

    public struct Trunk: Hashable, Sendable {
        public var name: String
        public var isE1: Bool

        public init(name: String, isE1: Bool) {
            self.name = name
            self.isE1 = isE1
        }
    }
}

/// Where something stands in a plan: the file's path and the line, counted from one.
public struct Place: Hashable, Sendable, CustomStringConvertible {
    public var file: String
    public var line: Int

    public init(file: String, line: Int) {
        self.file = file
        self.line = line
    }

    /// `headquarters.dialplan:12`
    public var description: String { "\(file):\(line)" }
}
