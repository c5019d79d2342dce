//! A machine whose clock is set while the server runs: forwards, as after a suspended virtual machine, and
//! back. By libfaketime, which stands between the real program and the system.

use super::*;

/// Where Debian's package `libfaketime` puts it, for every processor.
fn libfaketime() -> String {
    let libraries = std::fs::read_dir("/usr/lib").unwrap().filter_map(Result::ok);
    let mut places = libraries.map(|place| place.path().join("faketime/libfaketime.so.1"));
    let found = places.find(|path| path.exists());
    let found = found.expect("libfaketime is missing (apt-get install libfaketime)");
    found.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_clock_that_is_set_is_followed_at_once_and_ends_nothing() {
    let directory = directory();
    let port = free_port();
    let (library, offset) = (libfaketime(), directory.path().join("offset"));
    let set_clock = |by: &str| std::fs::write(&offset, by).unwrap();
    set_clock("+0");
    let variables = [
        ("PORT", port.as_str()),
        ("LD_PRELOAD", library.as_str()),
        ("FAKETIME_TIMESTAMP_FILE", offset.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        // Timers go by the other clock, which nobody sets.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let mut dev = Process::start(directory.path(), &["dev"], &variables);
    dev.wait_for(|output| output.contains("DEVELOPMENT MODE").then_some(())).await;
    let address = format!("http://127.0.0.1:{port}");
    until_ready(&address).await;
    let token = async || {
        let printed = run(directory.path(), &["token"], &variables).await;
        assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""));
        printed.stdout.trim_end().to_owned()
    };
    let me = async |token: &str| query(&address, Some(token), "{ me { name } }").await.0;
    let at_first = token().await;
    assert_eq!(me(&at_first).await, 200);
    let mut before = at_first.clone();
    for by in ["+3h", "-2d", "+400d", "+0"] {
        set_clock(by);
        // A key set that is a day old by now is fetched again, which takes half a second.
        until_ready(&address).await;
        let now = token().await;
        assert_eq!(me(&now).await, 200, "{by}: a token of now");
        assert_eq!(me(&before).await, 401, "{by}: a token of another time");
        before = now;
    }
    assert_eq!(me(&at_first).await, 200, "the time of its issue again");
    dev.terminate();
    assert_eq!(dev.end().await.code, Some(0));
}
