//! Commands to the gateway, and its replies.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, Consumer};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const COMMAND_QUEUE: &str = "gateway.send";
/// RabbitMQ's own queue for answers, one for each channel (RabbitMQ docs, Direct Reply-to).
const REPLY_QUEUE: &str = "amq.rabbitmq.reply-to";
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// What became of a command.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    Refused { error: String, message: String },
    CarriedOut {},
}

/// The task that hears replies.
pub type Listening = JoinHandle<lapin::Result<()>>;

type Pending = Arc<Mutex<HashMap<String, oneshot::Sender<Outcome>>>>;

/// Sends commands and waits for their replies.
pub struct Gateway {
    channel: Channel,
    pending: Pending,
    sent: AtomicU64,
}

impl Gateway {
    /// The task besides ends when no reply can come any more.
    pub async fn open(connection: &Connection) -> lapin::Result<(Self, Listening)> {
        let channel = connection.create_channel().await?;
        let options = BasicConsumeOptions {
            no_ack: true,
            ..Default::default()
        };
        let replies = channel
            .basic_consume(
                REPLY_QUEUE.into(),
                "".into(),
                options,
                FieldTable::default(),
            )
            .await?;
        let pending = Pending::default();
        let listening = tokio::spawn(listen(replies, pending.clone()));
        let gateway = Self {
            channel,
            pending,
            sent: AtomicU64::new(0),
        };
        Ok((gateway, listening))
    }

    /// Sends a command and waits for its outcome; an error means that it may or may not be carried out.
    pub async fn command(
        &self,
        command: &Value,
    ) -> Result<Outcome, Box<dyn std::error::Error + Send + Sync>> {
        let id = self.sent.fetch_add(1, Ordering::Relaxed).to_string();
        let (sender, outcome) = oneshot::channel();
        self.pending.lock().unwrap().insert(id.clone(), sender);
        let answered = timeout(REPLY_TIMEOUT, async {
            self.publish(command, &id).await?;
            Ok(outcome.await?)
        });
        let answer = answered.await;
        self.pending.lock().unwrap().remove(&id);
        answer.unwrap_or_else(|_| Err("the gateway did not answer".into()))
    }

    async fn publish(&self, command: &Value, id: &str) -> lapin::Result<()> {
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_delivery_mode(2)
            .with_reply_to(REPLY_QUEUE.into())
            .with_correlation_id(id.into())
            // Dropped by the broker when nobody waits for it any more.
            .with_expiration(REPLY_TIMEOUT.as_millis().to_string().into());
        let body = command.to_string();
        let options = BasicPublishOptions::default();
        self.channel
            .basic_publish(
                "".into(),
                COMMAND_QUEUE.into(),
                options,
                body.as_bytes(),
                properties,
            )
            .await?
            .await?;
        Ok(())
    }
}

async fn listen(mut replies: Consumer, pending: Pending) -> lapin::Result<()> {
    while let Some(reply) = replies.next().await {
        let reply = reply?;
        let id = reply.properties.correlation_id().as_ref();
        let waits = id.and_then(|id| pending.lock().unwrap().remove(id.as_str()));
        if let (Some(waits), Ok(outcome)) = (waits, serde_json::from_slice(&reply.data)) {
            let _ = waits.send(outcome); // an error means that nobody waits any more
        }
    }
    Ok(())
}
