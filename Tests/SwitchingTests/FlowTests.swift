import Testing

/// The call flows of RFC 3665 and RFC 5359 that pass a switch in the middle, as files; see `FlowRunner`.
@Suite struct FlowTests {
    @Test(arguments: try FlowRunner.names())
    func itGoesAsItIsWritten(_ name: String) throws {
        var runner = try FlowRunner(name)
        try runner.run()
    }

    @Test func noFlowFileIsLeftOut() throws {
        #expect(try FlowRunner.names().count >= 35)
    }
}
