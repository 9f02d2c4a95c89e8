import Charging
import Control
import Dispatch
import Switching

/// Takes a request of the control socket to who can answer it: the switch on its loop, or the store
/// and the files on a queue beside it.
final class RequestDesk: Sendable {
    private let requests: StoreRequests
    private let replies: ReplyDesk
    private let reload: Reload
    private let post: @Sendable (Mail) -> Void
    /// Reads of the store, several at once.
    private let reading = DispatchQueue(label: "tandem.reading", attributes: .concurrent)
    /// Backups and audits, one at a time.
    private let copying = DispatchQueue(label: "tandem.copying", qos: .utility)
    /// Changes of the price list, one at a time.
    private let pricing = DispatchQueue(label: "tandem.pricing")

    init(
        requests: StoreRequests, replies: ReplyDesk, reload: Reload,
        post: @escaping @Sendable (Mail) -> Void
    ) {
        self.requests = requests
        self.replies = replies
        self.reload = reload
        self.post = post
    }

    /// Never blocks; the answer comes once, on some thread.
    func begin(_ request: Request, answer: @escaping @Sendable (Response) -> Void) {
        switch request {
        case .perform(let request) where StoreRequests.isIncomplete(request):
            reading.async { [self] in
                do {
                    perform(try requests.completed(request), answer)
                } catch {
                    answer(.refused(["\(error)"]))
                }
            }
        case .perform(let request):
            perform(request, answer)
        case .records(let query):
            reading.async { [requests] in answer(requests.records(query)) }
        case .statement(let query):
            reading.async { [requests] in answer(requests.statement(query)) }
        case .backup(let file):
            copying.async { [requests] in answer(requests.backup(to: file)) }
        case .audit(let head):
            copying.async { [requests] in answer(requests.audit(head: head)) }
        case .tariffRows(let query):
            reading.async { [requests] in answer(requests.tariffRows(query)) }
        case .tariffDecks:
            reading.async { [requests] in answer(requests.tariffDecks()) }
        case .postingsArchived(let before):
            reading.async { [requests] in answer(requests.archivePostings(before: before)) }
        case .tariffImported(let order):
            pricing.async { [self] in change(requests.importTariff(order), answer) }
        case .tariffDeckRemoved(let deck):
            pricing.async { [self] in change(requests.removeDeck(deck), answer) }
        case .reload(let user):
            reload.begin(.reload, by: user, answer: answer)
        case .rolledBack(let version, let user):
            reload.rollBack(to: version, by: user, answer: answer)
        case .versions:
            reload.list(answer: answer)
        }
    }

    private func perform(
        _ request: ControlRequest, _ answer: @escaping @Sendable (Response) -> Void
    ) {
        guard let token = replies.token(answer: { answer(.reply($0)) }) else {
            answer(.refused(["the daemon is stopping"]))
            return
        }
        post(.event(.requested(request, by: token), then: nil))
    }

    private func change(
        _ result: (tariffs: TariffBook?, response: Response),
        _ answer: @escaping @Sendable (Response) -> Void
    ) {
        guard let tariffs = result.tariffs else {
            answer(result.response)
            return
        }
        post(.event(.tariffReplaced(tariffs)) { [response = result.response] in answer(response) })
    }
}
