"""The Python client `gql` against a running server: the address, a token and an expired one as arguments."""

import sys

from gql import Client, GraphQLRequest, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.requests import RequestsHTTPTransport

url, token, expired = sys.argv[1:]


ME = gql("query Me($first: Int!) { me { id displayName memberships(first: $first) { totalCount } } }")
RENAME = gql(
    "mutation($input: UpdateProfileInput!) "
    "{ updateProfile(input: $input) { user { displayName } userErrors { code } } }"
)
BY_ID = gql("query($id: ID!) { node(id: $id) { __typename id } }")


def connect(bearer, **options):
    transport = RequestsHTTPTransport(url=url, headers={"Authorization": f"Bearer {bearer}"})
    return Client(transport=transport, **options)


def request(document, **variables):
    return GraphQLRequest(document, variable_values=variables)


with connect(token, fetch_schema_from_transport=True) as session:
    # Operations are checked against the schema that was fetched with the connection.
    assert session.client.schema.query_type.name == "Query"
    me = session.execute(request(ME, first=5))["me"]
    assert me["displayName"] == "Ada Lovelace" and me["memberships"]["totalCount"] == 1, me

    renamed = session.execute(request(RENAME, input={"preferredName": "Countess"}))["updateProfile"]
    assert renamed == {"user": {"displayName": "Countess"}, "userErrors": []}, renamed
    restored = session.execute(request(RENAME, input={"preferredName": None}))["updateProfile"]
    assert restored["user"]["displayName"] == "Ada Lovelace", restored

    node = session.execute(request(BY_ID, id=me["id"]))["node"]
    assert node == {"__typename": "User", "id": me["id"]}, node

    try:
        session.execute(request(ME, first=0))
    except TransportQueryError as error:
        assert error.errors[0]["extensions"]["code"] == "BAD_USER_INPUT", error
    else:
        raise AssertionError("a page of nothing was served")

try:
    connect(expired).execute(request(ME, first=5))
except TransportQueryError as error:
    assert error.errors == [{"message": "Not authenticated", "extensions": {"code": "UNAUTHENTICATED"}}], error
else:
    raise AssertionError("an expired token was accepted")
