//! Addresses that libpq takes lead to the same database, and what they ask for happens.

use mission_control::store::Store;
use tokio::{io::copy_bidirectional, net::TcpListener, net::TcpStream};

use crate::support::{EmptyDatabase, parse};

/// Opens an address as the product does and migrates what it leads to.
async fn migrate(address: &str) {
    let store = Store::connect(&parse(address)).await.unwrap_or_else(|error| {
        panic!("{address}: {error}");
    });
    store.migrate().await.unwrap();
    assert!(store.is_current().await.unwrap());
    store.close().await;
}

#[tokio::test]
async fn a_socket_is_reached_however_its_directory_is_written() {
    let database = EmptyDatabase::postgres().await;
    let port = url::Url::parse(&database.url).unwrap().port().unwrap();
    let name = database.name();
    let directories = database.texts("SHOW unix_socket_directories").await;
    let directory = &directories[0];
    let encoded = directory.replace('/', "%2F");
    for address in [
        format!("postgres://tests@:{port}/{name}?host={directory}"),
        format!("postgres://tests@/{name}?host={directory}&port={port}"),
        format!("postgres:///{name}?host={directory}&port={port}&user=tests&sslmode=require"),
        format!("postgresql://tests:12?3#4@{encoded}:{port}/{name}"),
    ] {
        migrate(&address).await;
    }
    assert_eq!(database.number("SELECT COUNT(*) FROM users").await, 0);
}

#[tokio::test]
async fn an_ipv6_address_in_brackets_is_reached() {
    let database = EmptyDatabase::postgres().await;
    let port = url::Url::parse(&database.url).unwrap().port().unwrap();
    // The cluster listens on IPv4.
    let Ok(listener) = TcpListener::bind("[::1]:0").await else {
        // Not tried: this machine has no IPv6.
        return;
    };
    let outside = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    let name = database.name();
    migrate(&format!("postgres://tests@[::1]:{outside}/{name}")).await;
    assert_eq!(database.number("SELECT COUNT(*) FROM users").await, 0);
}

#[tokio::test]
async fn tables_are_made_in_the_schema_that_is_asked_for() {
    for parameter in ["schema=mission", "search_path=mission", "options=-c%20search_path=mission"] {
        let database = EmptyDatabase::postgres().await;
        database.execute("CREATE SCHEMA mission").await;
        migrate(&format!("{}?{parameter}", database.url)).await;
        let tables = "SELECT COUNT(*) FROM pg_tables WHERE tablename = 'users' AND schemaname = ";
        assert_eq!(database.number(&format!("{tables}'mission'")).await, 1, "{parameter}");
        assert_eq!(database.number(&format!("{tables}'public'")).await, 0, "{parameter}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_required() {
    let database = EmptyDatabase::postgres().await;
    for parameter in ["sslmode=require", "sslmode=verify-full", "sslrootcert=system", "ssl=true"] {
        let outcome = Store::connect(&parse(&format!("{}?{parameter}", database.url))).await.err();
        let error = outcome.map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("TLS"), "{parameter}: {error}");
    }
}
