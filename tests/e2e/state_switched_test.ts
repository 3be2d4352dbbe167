import { onStage } from "./stage.ts";

const WRITTEN = "gateway:state:written";

Deno.test(
  "A state cache that is switched on again, where a gateway ran without it, says that it lacks what came before",
  onStage({}, async (stage) => {
    const { control } = stage.simulator;
    const redis = await stage.redis();
    const first = await stage.startConnected(1, { STATE_ENABLED: "true" });
    while (await redis.exists(WRITTEN) === 0);
    await first.end("SIGTERM");
    const second = await stage.startConnected(1);
    while (await redis.exists(WRITTEN) === 1);
    await second.end("SIGTERM");
    const third = await stage.startConnected(1, { STATE_ENABLED: "true" });
    control.generate(100);
    await third.line(({ message }) => message.startsWith("State cache lacks what came before"));
  }),
);
