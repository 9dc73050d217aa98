-- How much rebuilt pages look like the original ones: the least similar of the pages that were compared, in ten thousandths, and how many
-- those were. NULL where none was compared.
ALTER TABLE part ADD COLUMN similarity INTEGER;
ALTER TABLE part ADD COLUMN compared INTEGER;
