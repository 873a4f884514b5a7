//! What a worker says to a handler process.

use bytes::Bytes;

use super::{Body, Fields, UNKNOWN, read_fields, read_last, write_fields};
use crate::link::Broken;
use crate::wire::{Reader, Writer};

/// A request for a handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The handler's route, by its place in the process's list.
    pub route: u32,
    /// Milliseconds that are left for the whole request; 0: no deadline.
    pub deadline_ms: u32,
    pub method: Bytes,
    /// As it was matched, normalised.
    pub path: Bytes,
    /// After the question mark; without one, empty.
    pub query: Bytes,
    pub protocol: Bytes,
    pub scheme: Bytes,
    /// The client's address, behind trusted proxies.
    pub client: Bytes,
    pub request_id: Bytes,
    /// Parameters of the route's path.
    pub parameters: Fields,
    pub headers: Fields,
    pub body: Body,
}

/// What came of a call to an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Response {
        status: u16,
        headers: Fields,
        body: Body,
        /// How often the call was sent.
        tries: u16,
    },
    Failed(CallFailure),
}

/// Why an upstream gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFailure {
    /// The engine's word for it, as in the access log: `connect_refused`, `first_byte_timeout`.
    pub reason: Bytes,
    /// The same for a person.
    pub detail: Bytes,
    /// How often it was sent.
    pub tries: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToHandler {
    Start {
        call: u32,
        start: Box<Start>,
    },
    /// A piece of the request's body.
    Body {
        call: u32,
        data: Bytes,
        last: bool,
    },
    /// The request's body will not be whole.
    BodyFailed {
        call: u32,
        reason: Bytes,
    },
    /// Nobody waits for the answer any more: the client has gone, or the deadline has passed.
    Cancel {
        call: u32,
    },
    /// So much more of the answer's body may be sent.
    Credit {
        call: u32,
        bytes: u32,
    },
    Result {
        call: u32,
        part: u32,
        outcome: Box<Outcome>,
    },
    ResultBody {
        call: u32,
        part: u32,
        data: Bytes,
        last: bool,
    },
    ResultFailed {
        call: u32,
        part: u32,
        failure: Box<CallFailure>,
    },
    /// So much more of the body to an upstream may be sent.
    CallCredit {
        call: u32,
        part: u32,
        bytes: u32,
    },
    /// The call of a handler that went on after its answer is kept no longer.
    Over {
        call: u32,
        /// The engine's word: `deadline`, or `queue_full` where too many go on.
        reason: Bytes,
    },
}

impl ToHandler {
    /// The message's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer;
        match self {
            ToHandler::Start { call, start } => return start.encode(*call),
            ToHandler::Body { call, data, last } => {
                writer = Writer::tag(1, *call, data.len());
                writer.u8(u8::from(*last));
                writer.bytes(data);
            }
            ToHandler::BodyFailed { call, reason } => {
                writer = Writer::tag(2, *call, reason.len());
                writer.bytes(reason);
            }
            ToHandler::Cancel { call } => writer = Writer::tag(3, *call, 0),
            ToHandler::Credit { call, bytes } => {
                writer = Writer::tag(4, *call, 0);
                writer.u32(*bytes);
            }
            ToHandler::Result { call, part, outcome } => {
                writer = Writer::tag(5, *call, 512);
                writer.u32(*part);
                outcome.write(&mut writer);
            }
            ToHandler::ResultBody { call, part, data, last } => {
                writer = Writer::tag(6, *call, data.len());
                writer.u32(*part);
                writer.u8(u8::from(*last));
                writer.bytes(data);
            }
            ToHandler::ResultFailed { call, part, failure } => {
                writer = Writer::tag(7, *call, 64);
                writer.u32(*part);
                failure.write(&mut writer);
            }
            ToHandler::CallCredit { call, part, bytes } => {
                writer = Writer::tag(8, *call, 8);
                writer.u32(*part);
                writer.u32(*bytes);
            }
            ToHandler::Over { call, reason } => {
                writer = Writer::tag(9, *call, 4 + reason.len());
                writer.bytes(reason);
            }
        }
        writer.0
    }

    /// Reads what `encode` wrote.
    ///
    /// # Errors
    /// These bytes are no such message.
    pub fn decode(message: Vec<u8>) -> Result<ToHandler, Broken> {
        let mut reader = Reader::new(message);
        let (tag, call) = (reader.u8()?, reader.u32()?);
        let read = match tag {
            0 => ToHandler::Start { call, start: Box::new(Start::read(&mut reader)?) },
            1 => ToHandler::Body { call, last: read_last(&mut reader)?, data: reader.bytes()? },
            2 => ToHandler::BodyFailed { call, reason: reader.bytes()? },
            3 => ToHandler::Cancel { call },
            4 => ToHandler::Credit { call, bytes: reader.u32()? },
            5 => ToHandler::Result { call, part: reader.u32()?, outcome: Box::new(Outcome::read(&mut reader)?) },
            6 => ToHandler::ResultBody {
                call,
                part: reader.u32()?,
                last: read_last(&mut reader)?,
                data: reader.bytes()?,
            },
            7 => ToHandler::ResultFailed {
                call,
                part: reader.u32()?,
                failure: Box::new(CallFailure::read(&mut reader)?),
            },
            8 => ToHandler::CallCredit { call, part: reader.u32()?, bytes: reader.u32()? },
            9 => ToHandler::Over { call, reason: reader.bytes()? },
            _ => return Err(UNKNOWN),
        };
        reader.end()?;
        Ok(read)
    }
}

impl Start {
    /// The bytes of the message that begins a call.
    pub fn encode(&self, call: u32) -> Vec<u8> {
        let mut writer = Writer::tag(0, call, 512);
        self.write(&mut writer);
        writer.0
    }

    fn write(&self, writer: &mut Writer) {
        writer.u32(self.route);
        writer.u32(self.deadline_ms);
        for text in
            [&self.method, &self.path, &self.query, &self.protocol, &self.scheme, &self.client, &self.request_id]
        {
            writer.bytes(text);
        }
        write_fields(writer, &self.parameters);
        write_fields(writer, &self.headers);
        self.body.write(writer);
    }

    fn read(reader: &mut Reader) -> Result<Start, Broken> {
        Ok(Start {
            route: reader.u32()?,
            deadline_ms: reader.u32()?,
            method: reader.bytes()?,
            path: reader.bytes()?,
            query: reader.bytes()?,
            protocol: reader.bytes()?,
            scheme: reader.bytes()?,
            client: reader.bytes()?,
            request_id: reader.bytes()?,
            parameters: read_fields(reader)?,
            headers: read_fields(reader)?,
            body: Body::read(reader)?,
        })
    }
}

impl Outcome {
    fn write(&self, writer: &mut Writer) {
        match self {
            Outcome::Response { status, headers, body, tries } => {
                writer.u8(0);
                writer.u16(*status);
                writer.u16(*tries);
                write_fields(writer, headers);
                body.write(writer);
            }
            Outcome::Failed(failure) => {
                writer.u8(1);
                failure.write(writer);
            }
        }
    }

    fn read(reader: &mut Reader) -> Result<Outcome, Broken> {
        match reader.u8()? {
            0 => Ok(Outcome::Response {
                status: reader.u16()?,
                tries: reader.u16()?,
                headers: read_fields(reader)?,
                body: Body::read(reader)?,
            }),
            1 => Ok(Outcome::Failed(CallFailure::read(reader)?)),
            _ => Err(UNKNOWN),
        }
    }
}

impl CallFailure {
    fn write(&self, writer: &mut Writer) {
        writer.bytes(&self.reason);
        writer.bytes(&self.detail);
        writer.u16(self.tries);
    }

    fn read(reader: &mut Reader) -> Result<CallFailure, Broken> {
        Ok(CallFailure { reason: reader.bytes()?, detail: reader.bytes()?, tries: reader.u16()? })
    }
}
