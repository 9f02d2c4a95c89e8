import Dialplan
import SIP

// Ring groups: stage after stage, all at once or one after another, until somebody answers.

extension Switch {
    /// Names a stage of a ring group, for what is remembered from call to call.
    struct GroupStage: Hashable, Sendable {
        var group: String
        var stage: Int
    }

    /// Rings the next members of a call's ring group; without any, the call overflows.
    mutating func huntOn(_ handle: Handle) {
        while var hunt = calls[handle].routing?.hunt {
            let group = hunt.group
            let step = hunt.next { stage in
                Hunt.order(
                    group.stages[stage],
                    lastFirst: lastRung[GroupStage(group: group.name, stage: stage)],
                    idleSince: { idleSince[$0]?.nanoseconds })
            }
            calls[handle].routing?.hunt = hunt
            switch step {
            case .ring(let members, let milliseconds):
                guard ring(handle, members, of: hunt) else { continue }
                attemptBegan(
                    handle, firstAnswerWithin: nil, ringsFor: .milliseconds(Int(milliseconds)))
            case .overflow: overflow(handle, hunt.group)
            }
            return
        }
    }

    /// - Returns: whether any of them rings.
    private mutating func ring(_ handle: Handle, _ members: [String], of hunt: Hunt) -> Bool {
        var isRinging = false
        let phones = members.reduce(0) { $0 + registrar.reachable(of: $1, at: wallTime).count }
        let share = freeBreadth(of: handle) / UInt32(clamping: max(phones, 1))
        for member in members where ringPhones(handle, of: member, breadth: share) == nil {
            isRinging = true
        }
        guard isRinging, hunt.group.stages[hunt.stage].strategy == .roundRobin,
            let first = members.first
        else { return isRinging }
        let stage = GroupStage(group: hunt.group.name, stage: hunt.stage)
        if calls[handle].routing?.hunted != stage {
            // Only who is rung first in a call moves the pointer.
            calls[handle].routing?.hunted = stage
            lastRung[stage] = first
        }
        return true
    }

    private mutating func overflow(_ handle: Handle, _ group: RingGroup) {
        calls[handle].routing?.hunt = nil
        guard let target = group.overflow else {
            let failure = Call.Failure(
                status: 480, q850: Causes.noAnswer,
                text: "nobody of group \(group.name) took the call")
            guard !goesToNextContact(handle, after: failure) else { return }
            fail(
                handle, failure.status, q850: failure.q850, failure.text, disposition: .noAnswer)
            return
        }
        divert(handle, to: target, by: nil, from: group.name, .noAnswer)
    }
}
