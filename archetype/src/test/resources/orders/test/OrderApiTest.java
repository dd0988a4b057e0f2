package com.acme.orders.order;

import com.acme.orders.Api;
import com.acme.orders.ServiceTest;
import com.acme.orders.database.TestDatabase;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.http.MediaType;

@ServiceTest
class OrderApiTest {

    @Autowired
    Api api;

    @Autowired
    TestDatabase database;

    @AfterEach
    void cleanUp() {
        database.clear("customer_order");
    }

    @Test
    void anOrderIsTakenChangedAndDeleted() {
        String location = api.client().post().uri("/api/orders").contentType(MediaType.APPLICATION_JSON)
                .body(Map.of("customer", "Ada", "amount", 12.5)).exchange()
                .expectStatus().isCreated()
                .expectBody(Void.class).returnResult().getResponseHeaders().getFirst("Location");

        api.client().put().uri(location).contentType(MediaType.APPLICATION_JSON).body(Map.of("status", "PAID")).exchange().expectStatus().isOk();
        api.get(location).expectBody().jsonPath("$.amount").isEqualTo(12.5).jsonPath("$.status").isEqualTo("PAID");
        api.client().delete().uri(location).exchange().expectStatus().isNoContent();
        api.get(location).expectStatus().isNotFound().expectBody().jsonPath("$.type").isEqualTo("urn:problem-type:not-found");
    }

    @Test
    void aStrangerSeesNoOrder() {
        api.stranger().get().uri("/api/orders").exchange().expectStatus().isUnauthorized();
    }

    @Test
    void anOrderOfNothingIsRefused() {
        api.client().post().uri("/api/orders").contentType(MediaType.APPLICATION_JSON)
                .body(Map.of("customer", "Ada", "amount", 0)).exchange()
                .expectStatus().isBadRequest()
                .expectBody().jsonPath("$.detail").isEqualTo("amount must be greater than 0.");
    }
}
