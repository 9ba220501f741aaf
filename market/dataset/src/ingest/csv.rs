//! A strict CSV reader (RFC 4180), streaming and bounded.
//!
//! It reads what the `csv` crate reads in the same way, with CR, LF and CRLF each ending a line
//! and blank lines skipped, but refuses what that crate lets pass silently (lone quotes, text
//! after a closing quote, an open quote at the end, control bytes) and knows line and column of
//! it. A byte order mark at the start is skipped. A quoted empty field is a missing cell like any
//! other empty field.

use super::text::{binary, invisible};
use super::{IngestError, Limits, Options};
use std::io::Read;

const BUFFER: usize = 64 << 10;

/// One record: its fields, joined in one buffer that is used again for the next.
#[derive(Default)]
pub struct Record {
    text: String,
    ends: Vec<usize>,
    line: u64,
}

impl Record {
    /// Number of fields.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The line on which the record starts.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The fields in order.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let field = &self.text[start..*end];
            start = *end;
            field
        })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Start,
    Plain,
    Quoted,
    /// Just after a quote in a quoted field: it closes the field, or begins a doubled one.
    Closed,
}

/// The reader; see the module.
pub struct CsvReader<R> {
    input: R,
    delimiter: u8,
    limits: Limits,
    buffer: Box<[u8]>,
    at: usize,
    filled: usize,
    total: u64,
    begun: bool,
    /// The last byte was a CR that ended a line: an LF now belongs to it.
    after_cr: bool,
    line: u64,
    column: u64,
    field: Vec<u8>,
    field_line: u64,
    field_column: u64,
}

impl<R: Read> CsvReader<R> {
    /// A reader of `input`.
    ///
    /// # Errors
    /// `IngestError::Delimiter`.
    pub fn new(input: R, options: &Options) -> Result<Self, IngestError> {
        let d = options.delimiter;
        if !(d == b'\t' || d == b' ' || d.is_ascii_punctuation()) || d == b'"' {
            return Err(IngestError::Delimiter);
        }
        Ok(CsvReader {
            input,
            delimiter: d,
            limits: options.limits,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            at: 0,
            filled: 0,
            total: 0,
            begun: false,
            after_cr: false,
            line: 1,
            column: 1,
            field: Vec::new(),
            field_line: 1,
            field_column: 1,
        })
    }

    fn fill(&mut self) -> Result<bool, IngestError> {
        self.at = 0;
        self.filled = 0;
        // The start is looked at whole, for marks of an encoding.
        let wanted = if self.begun { 1 } else { 3 };
        while self.filled < wanted {
            let n = match self.input.read(&mut self.buffer[self.filled..]) {
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(self.read_error(e)),
            };
            if n == 0 {
                break;
            }
            self.filled += n;
            self.total = self.total.saturating_add(n as u64);
            if self.total > self.limits.bytes {
                return Err(IngestError::TooLong { line: self.line, limit: self.limits.bytes });
            }
        }
        if !self.begun {
            self.begun = true;
            let start = &self.buffer[..self.filled];
            if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
                return Err(IngestError::Utf16);
            }
            if start.starts_with(&[0xef, 0xbb, 0xbf]) {
                self.at = 3;
                if self.filled == 3 {
                    return self.fill();
                }
            }
        }
        Ok(self.at < self.filled)
    }

    fn read_error(&self, e: std::io::Error) -> IngestError {
        match e.downcast::<IngestError>() {
            Ok(own) => own,
            Err(source) => IngestError::Read { line: self.line, source },
        }
    }

    fn peek(&mut self) -> Result<Option<u8>, IngestError> {
        if self.at == self.filled && !self.fill()? {
            return Ok(None);
        }
        Ok(Some(self.buffer[self.at]))
    }

    fn advance(&mut self, byte: u8) {
        self.at += 1;
        // Bytes that continue a character take no column of their own.
        if byte & 0xc0 != 0x80 {
            self.column += 1;
        }
    }

    fn newline(&mut self) {
        self.line += 1;
        self.column = 1;
    }

    fn push(&mut self, byte: u8) -> Result<(), IngestError> {
        if self.field.len() >= self.limits.field {
            return Err(IngestError::LongField {
                line: self.field_line,
                column: self.field_column,
                limit: self.limits.field,
            });
        }
        self.field.push(byte);
        Ok(())
    }

    fn end_field(&mut self, record: &mut Record) -> Result<(), IngestError> {
        if record.ends.len() >= self.limits.columns {
            return Err(IngestError::TooManyColumns {
                line: record.line,
                limit: self.limits.columns,
            });
        }
        match std::str::from_utf8(&self.field) {
            Ok(text) => {
                if !text.is_ascii() {
                    self.refuse_invisible(text)?;
                }
                record.text.push_str(text);
            }
            Err(e) => {
                let (line, column) = self.place(e.valid_up_to());
                return Err(IngestError::NotUtf8 { line, column });
            }
        }
        record.ends.push(record.text.len());
        self.field.clear();
        Ok(())
    }

    fn refuse_invisible(&self, text: &str) -> Result<(), IngestError> {
        match text.char_indices().find(|(_, c)| invisible(*c)) {
            Some((at, c)) => {
                let (line, column) = self.place(at);
                Err(IngestError::Invisible { line, column, code: u32::from(c) })
            }
            None => Ok(()),
        }
    }

    /// Line and column of a byte of the current field. Columns are those of the field's text:
    /// doubled quotes before it on its line are counted once.
    fn place(&self, offset: usize) -> (u64, u64) {
        let before = &self.field[..offset];
        let chars = |b: &[u8]| b.iter().filter(|b| **b & 0xc0 != 0x80).count() as u64;
        match before.iter().rposition(|b| *b == b'\n' || *b == b'\r') {
            Some(last) => {
                let ends = before
                    .iter()
                    .enumerate()
                    .filter(|(i, b)| {
                        **b == b'\n' && (*i == 0 || before[*i - 1] != b'\r') || **b == b'\r'
                    })
                    .count() as u64;
                (self.field_line + ends, 1 + chars(&before[last + 1..]))
            }
            None => (self.field_line, self.field_column + chars(before)),
        }
    }

    /// Reads the next record into `record`; false at the end of the text.
    ///
    /// # Errors
    /// What is wrong with the text, with line and column.
    pub fn next(&mut self, record: &mut Record) -> Result<bool, IngestError> {
        record.text.clear();
        record.ends.clear();
        self.field.clear();
        let mut state = State::Start;
        let mut opened = (0, 0);
        record.line = self.line;
        loop {
            let Some(byte) = self.peek()? else {
                return match state {
                    State::Quoted => {
                        Err(IngestError::OpenQuote { line: opened.0, column: opened.1 })
                    }
                    State::Start if record.ends.is_empty() => Ok(false),
                    _ => self.end_field(record).map(|()| true),
                };
            };
            if std::mem::take(&mut self.after_cr) && byte == b'\n' {
                self.at += 1;
                if state == State::Quoted {
                    self.push(byte)?;
                }
                continue;
            }
            if binary(byte) {
                return Err(IngestError::Binary { line: self.line, column: self.column, byte });
            }
            if state == State::Start {
                self.field_line = self.line;
                self.field_column = self.column;
                if byte == b'"' {
                    opened = (self.line, self.column);
                    self.advance(byte);
                    self.field_column = self.column;
                    state = State::Quoted;
                    continue;
                }
            }
            if state == State::Quoted {
                match byte {
                    b'"' => {
                        self.advance(byte);
                        state = State::Closed;
                        continue;
                    }
                    b'\r' | b'\n' => {
                        self.after_cr = byte == b'\r';
                        self.at += 1;
                        self.newline();
                    }
                    _ => self.advance(byte),
                }
                self.push(byte)?;
                continue;
            }
            match byte {
                b'\r' | b'\n' => {
                    let blank = state == State::Start && record.ends.is_empty();
                    self.after_cr = byte == b'\r';
                    self.at += 1;
                    self.newline();
                    if blank {
                        record.line = self.line;
                        continue;
                    }
                    return self.end_field(record).map(|()| true);
                }
                b'"' if state == State::Closed => {
                    self.advance(byte);
                    self.push(byte)?;
                    state = State::Quoted;
                }
                _ if byte == self.delimiter => {
                    self.advance(byte);
                    self.end_field(record)?;
                    state = State::Start;
                }
                _ if state == State::Closed => {
                    let (line, column) = (self.line, self.column);
                    return Err(IngestError::AfterQuote { line, column });
                }
                b'"' => {
                    let (line, column) = (self.line, self.column);
                    return Err(IngestError::LoneQuote { line, column });
                }
                _ => {
                    self.advance(byte);
                    self.push(byte)?;
                    state = State::Plain;
                }
            }
        }
    }
}
