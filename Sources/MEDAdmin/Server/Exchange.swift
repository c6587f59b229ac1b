import Hummingbird
import HummingbirdCore
import Logging
import MEDCore
import NIOCore
import NIOHTTP1

/// Answers requests by what a router's routes say.
struct Exchange<Responder: HTTPResponder>: Sendable where Responder.Context == AdminContext {
  private let responder: Responder
  private let logger: Logger

  init(_ responder: Responder, logger: Logger) {
    self.responder = responder
    self.logger = logger
  }

  @concurrent
  func answer(_ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel) async throws {
    let context = AdminContext(source: .init(channel: channel, logger: logger))
    var response: Response
    do {
      response = try await responder.respond(to: request, context: context)
    } catch let error as HTTPParserError {
      throw error
    } catch {
      logger.error("a request could not be answered", metadata: [LogKey.error: "\(error)"])
      response = Response(status: .internalServerError)
    }
    // What is asked here changes all the time, and is what it says it is.
    if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
    response.headers[.xContentTypeOptions] = "nosniff"
    response.headers[.date] = RecordTime.now().httpDate
    do {
      try await writer.write(response: response.head, body: response.body)
    } catch is HTTPParserError {
      // Thrown on, it would be answered a second time.
      throw AnswerBroken()
    }
  }

  private struct AnswerBroken: Error {}
}
