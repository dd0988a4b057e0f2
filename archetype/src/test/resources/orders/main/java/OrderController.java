package com.acme.orders.order;

import jakarta.validation.Valid;
import jakarta.validation.constraints.Digits;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Positive;
import jakarta.validation.constraints.Size;
import java.math.BigDecimal;
import java.net.URI;
import java.util.List;
import java.util.UUID;
import org.springframework.context.annotation.Profile;
import org.springframework.data.domain.PageRequest;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.security.access.prepost.PreAuthorize;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

@RestController
@Profile("web")
@RequestMapping(path = "/api/orders", produces = MediaType.APPLICATION_JSON_VALUE)
class OrderController {

    private final OrderRepository orders;

    OrderController(OrderRepository orders) {
        this.orders = orders;
    }

    record NewOrder(
            @NotBlank @Size(max = 200) String customer, @NotNull @Positive @Digits(integer = 10, fraction = 2) BigDecimal amount) {}

    record Change(@NotNull Order.Status status) {}

    @PreAuthorize("hasAuthority('SCOPE_orders:write')")
    @PostMapping(consumes = MediaType.APPLICATION_JSON_VALUE)
    ResponseEntity<Order> create(@Valid @RequestBody NewOrder order) {
        Order created = orders.save(new Order(order.customer(), order.amount()));
        return ResponseEntity.created(URI.create("/api/orders/" + created.getId())).body(created);
    }

    @PreAuthorize("hasAuthority('SCOPE_orders:read')")
    @GetMapping
    List<Order> list() {
        return orders.findAll(PageRequest.of(0, 100)).getContent();
    }

    @PreAuthorize("hasAuthority('SCOPE_orders:read')")
    @GetMapping("/{id}")
    Order get(@PathVariable UUID id) {
        return orders.findById(id).orElseThrow(() -> new OrderNotFoundException(id));
    }

    @PreAuthorize("hasAuthority('SCOPE_orders:write')")
    @PutMapping(path = "/{id}", consumes = MediaType.APPLICATION_JSON_VALUE)
    @Transactional
    public Order change(@PathVariable UUID id, @Valid @RequestBody Change change) {
        Order order = get(id);
        order.setStatus(change.status());
        return order;
    }

    @PreAuthorize("hasAuthority('SCOPE_orders:delete')")
    @DeleteMapping("/{id}")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void delete(@PathVariable UUID id) {
        orders.delete(get(id));
    }
}
