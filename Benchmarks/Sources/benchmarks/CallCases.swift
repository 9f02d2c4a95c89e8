/// A whole call through the switch in memory: one INVITE with credentials to the record.
enum CallCases {
    static let name = "basic call, 14 datagrams"
    static let memoryBudget = 4096
    static let ratioBudget = 1.2
    /// A pause of running traffic, in nanoseconds.
    static let reloadBudget = 10_000_000.0

    /// Few and many held calls by turns, so that a busy machine slows both alike.
    static func run(_ effort: Effort) throws {
        if let operations = effort.operations {
            var site = try CallSite(extensions: 1000)
            site.hold(100)
            site.call(2000)
            let figures = measure(&site, operations, samples: 1)
            Report.print(name, figures, budget: nil)
            return
        }
        var few = try CallSite(extensions: 1000)
        few.hold(100)
        var many = try CallSite(extensions: 100_000)
        many.call(1000)
        many.rest()
        let before = Meter.bytesInUse
        many.hold(50_000)
        many.rest()
        let held = Double(Meter.bytesInUse - before) / 50_000
        reload(&many, effort)

        // Transactions linger for 32 seconds: only then do as many lapse as begin.
        few.call(34_000)
        many.call(34_000)
        var ofFew = Figures()
        var ofMany = Figures()
        for _ in 0..<effort.samples {
            add(&ofFew, &few)
            add(&ofMany, &many)
        }
        Report.print("\(name), 100 held", ofFew, budget: nil)
        Report.print("\(name), 50,000 held, 100,000 phones", ofMany, budget: nil)
        let ratio = ofMany.median / ofFew.median
        Report.print(
            "cost at 50,000 held to that at 100", Report.two(ratio),
            budget: Report.two(ratioBudget) + (ratio > ratioBudget ? ", passed" : ""))
        Report.print(
            "bytes of a held call", Report.whole(held),
            budget: Report.whole(Double(memoryBudget))
                + (held > Double(memoryBudget) ? ", passed" : ""))
    }

    /// What a reload holds running calls up for.
    private static func reload(_ site: inout CallSite, _ effort: Effort) {
        var same = Figures()
        var other = Figures()
        for sample in 0..<effort.samples {
            site.startCounting()
            site.reload(channels: 100_000 + sample)
            other.add(site.meter, operations: 1)
            site.startCounting()
            site.reload(channels: 100_000 + sample)
            same.add(site.meter, operations: 1)
        }
        Report.print("reload, 50,000 held", same, budget: reloadBudget)
        Report.print("reload, 50,000 held, other channels", other, budget: reloadBudget)
    }

    private static func measure(_ site: inout CallSite, _ calls: Int, samples: Int) -> Figures {
        var figures = Figures()
        for _ in 0..<samples { add(&figures, &site, calls) }
        return figures
    }

    private static func add(_ figures: inout Figures, _ site: inout CallSite, _ calls: Int = 1000) {
        site.startCounting()
        site.call(calls)
        guard site.records == calls, site.datagrams == calls * CallSite.datagramsOfCall else {
            // The release build says nothing of a precondition.
            fatalError("\(site.records) records and \(site.datagrams) datagrams in \(calls) calls")
        }
        figures.add(site.meter, operations: calls)
    }
}
