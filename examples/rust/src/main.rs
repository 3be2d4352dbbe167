//! A bot worker behind Shardline: takes events from a queue of its own and sends commands to the
//! gateway. Settings are in README.md.

mod gateway;
mod handled_ids;

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions,
    ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use gateway::{Gateway, Outcome};
use handled_ids::HandledIds;

const EVENT_EXCHANGE: &str = "gateway";
const EVENTS: [&str; 2] = ["MESSAGE_CREATE", "INTERACTION_CREATE"];
/// Events that the broker hands out before the first of them is acknowledged.
const PREFETCH: u16 = 20;
/// Repeats come soon after the first copy, so about an hour's are enough.
const HANDLED_IDS: usize = 100_000;
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

type AnyError = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whatever runs it starts it again; what was not acknowledged comes again then.
            eprintln!("Cannot go on with RabbitMQ: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), AnyError> {
    let url = env::var("RABBIT_URL").unwrap_or_else(|_| "amqp://127.0.0.1".into());
    let queue = env::var("QUEUE").unwrap_or_else(|_| "rust-worker".into());
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;

    // Two connections: one that the broker has blocked for publishing must not hold back acknowledgements.
    let consuming = connect(&url, "rust worker").await?;
    let commanding = connect(&url, "rust worker (commands)").await?;
    let (gateway, mut listening) = Gateway::open(&commanding).await?;
    let worker = Arc::new(Worker {
        gateway,
        handled: Mutex::new(HandledIds::new(HANDLED_IDS)),
    });
    let channel = consuming.create_channel().await?;
    declare(&channel, &queue).await?;
    channel
        .basic_qos(PREFETCH, BasicQosOptions::default())
        .await?;
    let options = BasicConsumeOptions::default();
    let mut events = channel
        .basic_consume(
            queue.as_str().into(),
            "".into(),
            options,
            FieldTable::default(),
        )
        .await?;
    println!("Taking events");

    // Events of one shard are handled one after the other, so that a repeat finds its first copy handled.
    let mut shards = HashMap::new();
    let mut tasks = JoinSet::new();
    loop {
        let event = tokio::select! {
            event = events.next() => event.ok_or("the queue was deleted")??,
            ended = &mut listening => {
                ended??;
                return Err("its replies have ended".into());
            }
            _ = terminated.recv() => break,
            _ = interrupted.recv() => break,
        };
        let events_of_shard = shards.entry(shard_of(&event)).or_insert_with(|| {
            let (sender, events) = mpsc::unbounded_channel(); // bounded by PREFETCH
            tasks.spawn(worker.clone().take_in_order(events));
            sender
        });
        events_of_shard.send(event)?;
    }

    // What was taken is finished in time, or goes back to the queue when the connection is closed.
    channel
        .basic_cancel(events.tag(), BasicCancelOptions::default())
        .await?;
    drop(shards);
    let _ = timeout(STOP_TIMEOUT, tasks.join_all()).await;
    consuming.close(200, "stopped".into()).await?;
    commanding.close(200, "stopped".into()).await?;
    println!("Stopped");
    Ok(())
}

async fn connect(url: &str, name: &str) -> lapin::Result<Connection> {
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    Connection::connect(url, properties).await
}

/// Whoever starts first declares.
async fn declare(channel: &Channel, queue: &str) -> lapin::Result<()> {
    let none = FieldTable::default;
    let options = ExchangeDeclareOptions {
        durable: true,
        ..Default::default()
    };
    channel
        .exchange_declare(EVENT_EXCHANGE.into(), ExchangeKind::Topic, options, none())
        .await?;
    channel
        .queue_declare(queue.into(), QueueDeclareOptions::durable(), none())
        .await?;
    for event in EVENTS {
        let options = QueueBindOptions::default();
        channel
            .queue_bind(
                queue.into(),
                EVENT_EXCHANGE.into(),
                event.into(),
                options,
                none(),
            )
            .await?;
    }
    Ok(())
}

/// Handles events, drops repeats, and acknowledges each of them afterwards.
struct Worker {
    gateway: Gateway,
    handled: Mutex<HandledIds>,
}

impl Worker {
    async fn take_in_order(self: Arc<Self>, mut events: mpsc::UnboundedReceiver<Delivery>) {
        while let Some(event) = events.recv().await {
            if let Err(error) = self.take(&event).await {
                // The connection was lost meanwhile: the broker has the event in its queue again.
                eprintln!("Cannot acknowledge {}: {error}", name_of(&event));
            }
        }
    }

    async fn take(&self, event: &Delivery) -> lapin::Result<()> {
        let id = event.properties.message_id().as_ref();
        let id = id.map_or("", |id| id.as_str());
        let is_repeat = self.handled.lock().unwrap().contains(id);
        if !is_repeat {
            if let Err(error) = self.handle(event, id).await {
                eprintln!("Cannot handle {} {id}: {error}", name_of(event));
                // Once more; the second time it is gone, or where the queue's dead letters go.
                let requeue = !event.redelivered;
                return event.reject(BasicRejectOptions { requeue }).await.map(drop);
            }
            self.handled.lock().unwrap().add(id);
        }
        event.ack(BasicAckOptions::default()).await.map(drop)
    }

    async fn handle(&self, event: &Delivery, id: &str) -> Result<(), AnyError> {
        let name = name_of(event);
        println!(
            "{name} {id}{}",
            if event.redelivered { " again" } else { "" }
        );
        match name {
            "MESSAGE_CREATE" => self.on_message(data_of(event)?).await,
            // An INTERACTION_CREATE is answered here, by REST within three seconds.
            _ => Ok(()),
        }
    }

    async fn on_message(&self, message: Message) -> Result<(), AnyError> {
        if message.content != "!idle" {
            return Ok(());
        }
        let presence = json!({ "since": null, "activities": [], "status": "idle", "afk": false });
        let command = json!({ "op": 0, "shard": "all", "data": { "op": 3, "d": presence } });
        match self.gateway.command(&command).await? {
            Outcome::CarriedOut {} => println!("The bot is idle on all shards"),
            Outcome::Refused { error, message } => {
                println!("The gateway refused: {error}: {message}");
            }
        }
        Ok(())
    }
}

/// The fields of a message that this bot reads.
#[derive(Deserialize)]
struct Message {
    content: String,
}

/// The event's name.
fn name_of(event: &Delivery) -> &str {
    event
        .properties
        .kind()
        .as_ref()
        .map_or("", |name| name.as_str())
}

/// The shard that an event came on; its type in AMQP is the smallest that holds it.
fn shard_of(event: &Delivery) -> Option<i64> {
    let headers = event.properties.headers().as_ref()?;
    match *headers.inner().get("shard")? {
        AMQPValue::ShortShortInt(shard) => Some(shard.into()),
        AMQPValue::ShortInt(shard) => Some(shard.into()),
        AMQPValue::LongInt(shard) => Some(shard.into()),
        AMQPValue::LongLongInt(shard) => Some(shard),
        _ => None,
    }
}

/// What is in an event's `d`.
fn data_of<T: DeserializeOwned>(event: &Delivery) -> serde_json::Result<T> {
    #[derive(Deserialize)]
    struct Payload<T> {
        d: T,
    }
    serde_json::from_slice::<Payload<T>>(&event.data).map(|payload| payload.d)
}
