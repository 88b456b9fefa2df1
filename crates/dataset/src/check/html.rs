//! A report as one page that needs nothing else: a table that is sorted by a click on a heading.
//!
//! Names of files and tags are strangers' text: everything is escaped, and a policy in the page forbids all but its own script.

use std::fmt::Write;

use super::{Finding, Report};

/// Recordings of a finding that are shown; the rest is counted.
const SHOWN: usize = 20;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1c2430}\
h1{font-size:1.4rem;margin-bottom:.2rem}p{margin:.3rem 0}table{border-collapse:collapse;width:100%;margin-top:1rem}\
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid #d9dee5}\
th{background:#eef1f5;position:sticky;top:0}th button{all:unset;cursor:pointer;font-weight:600}th button:focus-visible{outline:2px solid #2563c9}\
tbody tr:hover{background:#f6f8fa}td:first-child{white-space:nowrap;font-weight:600}td:nth-child(2){width:38%;overflow-wrap:anywhere;font-family:ui-monospace,monospace;font-size:.85rem}\
ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.5rem}li{background:#eef1f5;border-radius:1rem;padding:.1rem .8rem}\
@media(prefers-color-scheme:dark){body{background:#14181e;color:#dfe5ec}th,li{background:#232a34}th,td{border-color:#2f3845}tbody tr:hover{background:#1b212a}}";

const SCRIPT: &str = "document.querySelectorAll('th button').forEach((b,c)=>{let up=false;b.onclick=()=>{up=!up;\
const body=document.querySelector('tbody');[...body.rows].sort((x,y)=>x.cells[c].textContent.localeCompare(y.cells[c].textContent,'en',{numeric:true})*(up?1:-1))\
.forEach(r=>body.append(r));document.querySelectorAll('th').forEach(h=>h.removeAttribute('aria-sort'));\
b.parentNode.setAttribute('aria-sort',up?'ascending':'descending')}})";

impl Report {
    /// The report as an HTML page.
    pub fn to_html(&self) -> String {
        let name = escape(&self.collection);
        let counts: String = self
            .counts()
            .iter()
            .map(|(kind, count)| format!("<li>{kind} {count}</li>"))
            .collect();
        let mut rows = String::new();
        for finding in &self.findings {
            let _ = writeln!(
                rows,
                "<tr><td>{}<td>{}<td>{}<td>{}</tr>",
                finding.kind,
                recordings(finding),
                escape(&finding.detail),
                escape(&finding.advice)
            );
        }
        let state = match (self.interrupted, self.findings.is_empty()) {
            (true, _) => "<p><strong>The check was interrupted: recordings were not compared.</strong></p>",
            (false, true) => "<p>Nothing was found.</p>",
            (false, false) => "",
        };
        format!(
            "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>Check of {name}</title><style>{STYLE}</style>\n\
             <h1>Check of {name}</h1>\n<p>{} recordings, {} files, {} findings</p>\n{state}<ul>{counts}</ul>\n\
             <table><thead><tr><th><button>kind</button><th><button>recordings</button><th><button>detail</button><th><button>advice</button></tr></thead>\n\
             <tbody>\n{rows}</tbody></table>\n<script>{SCRIPT}</script>\n</html>\n",
            self.recordings,
            self.files,
            self.findings.len()
        )
    }
}

fn recordings(finding: &Finding) -> String {
    let shown: Vec<String> = finding
        .recordings
        .iter()
        .take(SHOWN)
        .map(|id| escape(id))
        .collect();
    let more = match finding.recordings.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("<br>and {more} more"),
    };
    shown.join("<br>") + &more
}

/// Text that is text in an element as well as in an attribute; control characters become spaces.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::super::FindingKind;
    use super::*;

    #[test]
    fn strangers_text_stays_text() {
        let evil = "<script>alert(1)</script>\"'&\u{1b}[31m";
        let report = Report {
            collection: evil.into(),
            recordings: 1,
            files: 1,
            findings: vec![
                Finding::new(FindingKind::Unreadable, [evil.to_owned()], evil).advising(evil),
                Finding::new(
                    FindingKind::Unlabelled,
                    (0..25).map(|n| format!("{n}.wav")),
                    "25 of 25",
                ),
            ],
            ..Report::default()
        };
        let page = report.to_html();
        assert!(!page.contains("<script>alert") && !page.contains('\u{1b}'));
        assert_eq!(
            page.matches("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp; [31m")
                .count(),
            5
        );
        assert!(page.contains("and 5 more") && page.contains("<li>unreadable 1</li>"));
    }
}
