//! What it costs to found an organization, to invite somebody, to accept, and to list members: the server's CPU
//! and the statements of its database.

use serde_json::{Value, json};

use crate::{
    data::{Database, USERS, email, team, token},
    requests::{request, send_all},
    servers::{self, Server, cpu_time, read_metrics},
};

/// How often each is done. As many people invite as are invited.
const TIMES: usize = 1000;
const CONNECTIONS: usize = 16;

const FOUND: &str = "mutation($input: CreateOrganizationInput!) { createOrganization(input: $input) { organization { id name } userErrors { code } } }";
const INVITE: &str = "mutation($input: CreateInvitationInput!) { createInvitation(input: $input) { invitation { id } token userErrors { code } } }";
const ACCEPT: &str = "mutation($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { member { role } userErrors { code } } }";
const MEMBERS: &str = "query($id: ID!) { organization(id: $id) { name members(first: 50) { totalCount nodes { id role displayName email isViewer } } } }";

/// Prints a table of these requests for each database.
pub(crate) async fn measure_organizations(databases: &[&Database]) {
    println!();
    println!("| request | server | CPU us/request | statements |");
    println!("| --- | --- | ---: | ---: |");
    for database in databases {
        let [server, _] = servers::start_observed(database).await;
        let users = (0..TIMES).map(|number| number * 37 % (USERS / 2));
        let tokens: Vec<String> = users.clone().map(|user| token(user, user)).collect();
        let guests: Vec<usize> = users.map(|user| user + USERS / 2).collect();
        let guest_tokens: Vec<String> = guests.iter().map(|user| token(*user, *user)).collect();
        // Who asks for the first time is noted; that is not what is measured.
        for tokens in [&tokens, &guest_tokens] {
            let requests = tokens.iter().map(|token| asking(token, "{ me { id } }", &Value::Null));
            send_all(server.address, requests.collect(), CONNECTIONS).await;
        }
        let input = |input: Value| json!({ "input": input });
        let found =
            tokens.iter().map(|token| asking(token, FOUND, &input(json!({ "name": "New" }))));
        let founded = line("found an organization", &server, found.collect()).await;
        let invite = tokens.iter().zip(&guests).zip(&founded).map(|((token, guest), founded)| {
            let id = &founded["data"]["createOrganization"]["organization"]["id"];
            asking(
                token,
                INVITE,
                &input(json!({ "organizationId": id, "email": email(*guest), "role": "MEMBER" })),
            )
        });
        let invited = line("invite somebody", &server, invite.collect()).await;
        let accept = guest_tokens.iter().zip(&invited).map(|(token, invited)| {
            asking(
                token,
                ACCEPT,
                &input(json!({ "token": invited["data"]["createInvitation"]["token"] })),
            )
        });
        let accepted = line("accept an invitation", &server, accept.collect()).await;
        for answer in accepted {
            assert_eq!(answer["data"]["acceptInvitation"]["member"]["role"], "MEMBER", "{answer}");
        }
        let members = tokens
            .iter()
            .enumerate()
            .map(|(number, token)| asking(token, MEMBERS, &json!({ "id": team(number * 37) })));
        for answer in line("50 members of an organization", &server, members.collect()).await {
            let members = &answer["data"]["organization"]["members"]["nodes"];
            assert_eq!(members.as_array().map(Vec::len), Some(50), "{answer}");
        }
    }
}

fn asking(token: &str, query: &str, variables: &Value) -> Vec<u8> {
    request(token, &json!({ "query": query, "variables": variables }).to_string())
}

/// Sends the requests, and prints what each cost.
async fn line(name: &str, server: &Server, requests: Vec<Vec<u8>>) -> Vec<Value> {
    #[expect(clippy::cast_precision_loss, reason = "a thousand")]
    let times = requests.len() as f64;
    let (cpu, statements) = (cpu_time(server.process.id()), statements(server).await);
    let answers = send_all(server.address, requests, CONNECTIONS).await;
    let cpu = (cpu_time(server.process.id()) - cpu) * 1e6 / times;
    let statements = (self::statements(server).await - statements) / times;
    for answer in &answers {
        assert!(answer.get("errors").is_none(), "{answer}");
    }
    println!("| {name} | {} | {cpu:.0} | {statements:.1} |", server.name);
    answers
}

/// How many statements the server's database has done.
async fn statements(server: &Server) -> f64 {
    let metrics = read_metrics(server.metrics.unwrap()).await;
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("mission_control_database_statements_total "));
    line.unwrap().parse().unwrap()
}
