package dev.slipway.analysis.worker;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.List;
import javax.sql.DataSource;
import org.springframework.boot.ApplicationArguments;
import org.springframework.boot.ApplicationRunner;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.jdbc.support.JdbcTransactionManager;

/** A process with a worker whose every computation of a 666 ends it at once. Its arguments: URL, user and password. */
class DeadlyWorker implements ApplicationRunner {

    static final int STATUS = 99;

    @Override
    public void run(ApplicationArguments arguments) throws Exception {
        List<String> given = arguments.getNonOptionArgs();
        DataSource database = new DriverManagerDataSource(given.get(0), given.get(1), given.get(2));
        Queue queue = new Queue(JdbcClient.create(database), Errands.TABLE, new JdbcTransactionManager(database));
        WorkerProperties properties = new WorkerProperties(
                2, Duration.ofSeconds(1), 1, Duration.ofMinutes(1), Duration.ofMillis(1), Duration.ofMillis(50), Duration.ZERO);
        Worker worker = new Worker(queue, properties, new WorkerMetrics(new SimpleMeterRegistry()), number -> {
            Thread.sleep(100); // So that there is one beside the deadly one.
            if (Errands.number(number) == 666) {
                Runtime.getRuntime().halt(STATUS);
            }
            return Errands.answer(number);
        }, () -> {}, Duration.ZERO, () -> Runtime.getRuntime().halt(1));
        worker.start();
        System.in.read(); // Until the test is over.
        Runtime.getRuntime().halt(0);
    }
}
