package dev.slipway.analysis.worker;

import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;

/** The queue without the worker that would empty it. */
@TestConfiguration(proxyBeanMethods = false)
class QueueAlone {

    @Bean
    Queue queue(JdbcClient jdbc, PlatformTransactionManager transactions) {
        return new Queue(jdbc, transactions);
    }
}
