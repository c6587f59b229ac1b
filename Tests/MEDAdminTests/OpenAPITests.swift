import Foundation
import Hummingbird
import MEDCore
import MEDTestSupport
import Testing

@testable import MEDAdmin

@Suite("§8 Admin API: its document")
struct OpenAPITests {
  private static func document() throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(AdminAPI.openAPIDocument)) as? [String: Any])
  }

  @Test func `it is a valid OpenAPI 3.1 document`() async throws {
    let script = """
      import json, sys
      from openapi_spec_validator import OpenAPIV31SpecValidator
      document = json.load(sys.stdin)
      assert document["openapi"].startswith("3.1"), document["openapi"]
      problems = [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()]
      print("\\n".join(problems) or "valid")
      """
    let run = try await PythonPackages.run(script, input: String(decoding: AdminAPI.openAPIDocument, as: UTF8.self))
    #expect(run.status == .code(0), "\(run.errors)")
    #expect(run.output == "valid\n")
  }

  @Test func `it has every route of the router, and no other, with the names of its query`() throws {
    let router = Router(context: AdminContext.self)
    let api = AdminAPI(APIHarness.sources())
    api.addRoutes(to: router)
    let routes = Set(router.routes.map { "\($0.method.rawValue) \($0.path)" })
    var documented: Set<String> = []
    let paths = try #require(try Self.document()["paths"] as? [String: [String: [String: Any]]])
    for (path, operations) in paths {
      for (method, operation) in operations {
        documented.insert("\(method.uppercased()) \(path)")
        let parameters = (operation["parameters"] as? [[String: Any]] ?? [])
        let query = Set(parameters.filter { $0["in"] as? String == "query" }.compactMap { $0["name"] as? String })
        let route = api.routes.first { $0.path == path && $0.method.rawValue == method.uppercased() }
        #expect(route?.query == query, "\(method) \(path)")
        let responses = operation["responses"] as? [String: Any] ?? [:]
        #expect(responses["401"] != nil && responses["403"] != nil, "\(method) \(path)")
      }
    }
    #expect(routes == documented)
    #expect(routes.count == api.routes.count)
  }

  @Test func `its bounds are the code's`() throws {
    let document = String(decoding: AdminAPI.openAPIDocument, as: UTF8.self)
    let codes = AdminError.Code.allCases.map(\.rawValue)
    let schemas = try #require(
      (try Self.document()["components"] as? [String: Any])?["schemas"] as? [String: [String: Any]])
    let error = (schemas["Error"]?["properties"] as? [String: [String: Any]])?["error"]?["properties"]
    #expect((error as? [String: [String: Any]])?["code"]?["enum"] as? [String] == codes)
    let problem = (schemas["Problem"]?["properties"] as? [String: [String: Any]])?["kind"]?["enum"] as? [String]
    #expect(problem == ReadinessProblem.Kind.allCases.map(\.rawValue))
    func words(_ schema: String, _ property: String) -> [String]? {
      (schemas[schema]?["properties"] as? [String: [String: Any]])?[property]?["enum"] as? [String]
    }
    #expect(words("Alert", "kind") == Alert.Kind.allCases.map(\.rawValue))
    #expect(words("Alert", "state") == AlertRecord.State.allCases.map(\.rawValue))
    #expect(words("AlertDelivery", "way") == AlertWay.allCases.map(\.rawValue))
    #expect(document.contains("\"maximum\": \(Alerts.recentBound),"))
    let urls = schemas["URLs"]
    #expect(urls?["maxItems"] as? Int == Control.maximumURLs)
    for number in [
      "\(AdminAPI.maximumPage)", "\(AdminQueueQuery.maximumLimit)", "\(FailureQuery.maximumLimit)",
      "262,144", "20,000",
    ] { #expect(document.contains(number), "\(number)") }
    #expect(APICall.maximumBody == 262_144 && FailureQuery.window == 20_000)
  }

  @Test func `it is served as it is in the sources`() async throws {
    try await APIHarness().run { port in
      let served = try APIHarness.send(port, "/openapi.json", token: nil)
      #expect(served.status == 200)
      #expect(served.body == AdminAPI.openAPIDocument)
    }
  }
}
