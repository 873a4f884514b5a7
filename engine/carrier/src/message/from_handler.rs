//! What a handler process says to a worker.

use bytes::Bytes;

use super::{Body, Fields, UNKNOWN, read_fields, read_last, write_fields};
use crate::link::Broken;
use crate::wire::{Reader, Writer};

/// A handler's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Fields,
    pub body: Body,
}

/// A call that a handler makes to an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// By its place in the list of upstreams that the handler may call.
    pub upstream: u32,
    /// Milliseconds for this call; 0: until the request's deadline.
    pub timeout_ms: u32,
    pub method: Bytes,
    /// Path and query.
    pub target: Bytes,
    pub headers: Fields,
    pub body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromHandler {
    Answer {
        call: u32,
        answer: Box<Answer>,
    },
    AnswerBody {
        call: u32,
        data: Bytes,
        last: bool,
    },
    /// The handler has failed: before its answer that is a 500, after it the answer is cut.
    Failed {
        call: u32,
    },
    /// So much more of the request's body is wanted.
    Credit {
        call: u32,
        bytes: u32,
    },
    Call {
        call: u32,
        part: u32,
        request: Box<Call>,
    },
    CallBody {
        call: u32,
        part: u32,
        data: Bytes,
        last: bool,
    },
    /// So much more of the upstream's answer is wanted.
    CallCredit {
        call: u32,
        part: u32,
        bytes: u32,
    },
    /// The handler does not want this part any more.
    CallCancel {
        call: u32,
        part: u32,
    },
    /// How late the event loop is, in microseconds, and how many calls it works on.
    Beat {
        lag: u32,
        running: u32,
    },
    /// The handler goes on once its answer is whole, which it is as soon as what follows this has been sent.
    Linger {
        call: u32,
    },
    /// A handler that went on has ended.
    Done {
        call: u32,
    },
    /// The answer that follows is none of the handler's own making: something has failed.
    Explain {
        call: u32,
        /// The engine's word, as in the access log.
        reason: Bytes,
        /// The same for a person.
        detail: Bytes,
    },
}

impl FromHandler {
    /// The message's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer;
        match self {
            FromHandler::Answer { call, answer } => {
                let room = if let Body::Full(body) = &answer.body { body.len() } else { 0 };
                writer = Writer::tag(0, *call, 256 + room);
                writer.u16(answer.status);
                write_fields(&mut writer, &answer.headers);
                answer.body.write(&mut writer);
            }
            FromHandler::AnswerBody { call, data, last } => {
                writer = Writer::tag(1, *call, data.len());
                writer.u8(u8::from(*last));
                writer.bytes(data);
            }
            FromHandler::Failed { call } => writer = Writer::tag(2, *call, 0),
            FromHandler::Credit { call, bytes } => {
                writer = Writer::tag(3, *call, 0);
                writer.u32(*bytes);
            }
            FromHandler::Call { call, part, request } => {
                writer = Writer::tag(4, *call, 256);
                writer.u32(*part);
                request.write(&mut writer);
            }
            FromHandler::CallBody { call, part, data, last } => {
                writer = Writer::tag(5, *call, data.len());
                writer.u32(*part);
                writer.u8(u8::from(*last));
                writer.bytes(data);
            }
            FromHandler::CallCredit { call, part, bytes } => {
                writer = Writer::tag(6, *call, 8);
                writer.u32(*part);
                writer.u32(*bytes);
            }
            FromHandler::CallCancel { call, part } => {
                writer = Writer::tag(7, *call, 4);
                writer.u32(*part);
            }
            FromHandler::Beat { lag, running } => {
                writer = Writer::tag(8, *running, 4);
                writer.u32(*lag);
            }
            FromHandler::Linger { call } => writer = Writer::tag(9, *call, 0),
            FromHandler::Done { call } => writer = Writer::tag(10, *call, 0),
            FromHandler::Explain { call, reason, detail } => {
                writer = Writer::tag(11, *call, 8 + reason.len() + detail.len());
                writer.bytes(reason);
                writer.bytes(detail);
            }
        }
        writer.0
    }

    /// Reads what `encode` wrote.
    ///
    /// # Errors
    /// These bytes are no such message.
    pub fn decode(message: Vec<u8>) -> Result<FromHandler, Broken> {
        let mut reader = Reader::new(message);
        let (tag, call) = (reader.u8()?, reader.u32()?);
        let read = match tag {
            0 => {
                let (status, headers) = (reader.u16()?, read_fields(&mut reader)?);
                let answer = Answer { status, headers, body: Body::read(&mut reader)? };
                FromHandler::Answer { call, answer: Box::new(answer) }
            }
            1 => FromHandler::AnswerBody { call, last: read_last(&mut reader)?, data: reader.bytes()? },
            2 => FromHandler::Failed { call },
            3 => FromHandler::Credit { call, bytes: reader.u32()? },
            4 => FromHandler::Call { call, part: reader.u32()?, request: Box::new(Call::read(&mut reader)?) },
            5 => FromHandler::CallBody {
                call,
                part: reader.u32()?,
                last: read_last(&mut reader)?,
                data: reader.bytes()?,
            },
            6 => FromHandler::CallCredit { call, part: reader.u32()?, bytes: reader.u32()? },
            7 => FromHandler::CallCancel { call, part: reader.u32()? },
            8 => FromHandler::Beat { running: call, lag: reader.u32()? },
            9 => FromHandler::Linger { call },
            10 => FromHandler::Done { call },
            11 => FromHandler::Explain { call, reason: reader.bytes()?, detail: reader.bytes()? },
            _ => return Err(UNKNOWN),
        };
        reader.end()?;
        Ok(read)
    }
}

impl Call {
    fn write(&self, writer: &mut Writer) {
        writer.u32(self.upstream);
        writer.u32(self.timeout_ms);
        writer.bytes(&self.method);
        writer.bytes(&self.target);
        write_fields(writer, &self.headers);
        self.body.write(writer);
    }

    fn read(reader: &mut Reader) -> Result<Call, Broken> {
        Ok(Call {
            upstream: reader.u32()?,
            timeout_ms: reader.u32()?,
            method: reader.bytes()?,
            target: reader.bytes()?,
            headers: read_fields(reader)?,
            body: Body::read(reader)?,
        })
    }
}
